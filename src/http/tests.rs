//! The client against servers that misbehave, on this machine.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;

const QUICK: Timeouts =
    Timeouts { connect: Duration::from_secs(5), read: Duration::from_millis(200) };

/// Accepts one connection, reads a request's head and hands both to `serve`.
async fn server<F: Future<Output = ()> + Send>(
    serve: impl FnOnce(TcpStream, String) -> F + Send + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        serve(stream, String::from_utf8(head).unwrap()).await;
    });
    url
}

async fn fetch(timeouts: Timeouts, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    Http::with_timeouts(timeouts).unwrap().fetch(request).await
}

fn get(url: &str) -> Request<Bytes> {
    Request::get(url).body(Bytes::new()).unwrap()
}

#[tokio::test]
async fn an_error_status_is_an_answer() {
    let url = server(async |mut stream, _| {
        stream.write_all(b"HTTP/1.1 503 No\r\ncontent-length: 4\r\n\r\nbusy").await.unwrap();
    })
    .await;
    let answer = fetch(Timeouts::default(), get(&url)).await.unwrap();
    assert_eq!(
        (answer.status(), &answer.body()[..]),
        (StatusCode::SERVICE_UNAVAILABLE, &b"busy"[..])
    );
}

#[tokio::test]
async fn a_host_header_of_the_request_goes_out_as_it_is() {
    let url = server(async |mut stream, head| {
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{head}", head.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let mut request = get(&url);
    request.headers_mut().insert(header::HOST, HeaderValue::from_static("board.example.net"));
    let answer = fetch(Timeouts::default(), request).await.unwrap();
    let head = String::from_utf8(answer.body().to_vec()).unwrap();
    assert!(head.contains("host: board.example.net\r\n"), "{head}");
    assert!(head.contains(&format!("user-agent: {USER_AGENT}\r\n")), "{head}");
}

#[tokio::test]
async fn nobody_there_is_told_apart_from_a_cut() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = fetch(QUICK, get(&format!("http://{address}/"))).await.unwrap_err();
    assert!(matches!(error, HttpError::Connect { .. }), "{error:?}");
    assert_eq!(error.to_string(), format!("could not connect to {address}"));

    let url = server(async |stream, _| drop(stream)).await;
    let error = fetch(QUICK, get(&url)).await.unwrap_err();
    assert!(matches!(error, HttpError::Cut { .. }), "{error:?}");
}

#[tokio::test]
async fn a_body_that_is_cut_is_no_answer() {
    let url = server(async |mut stream, _| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await.unwrap();
    })
    .await;
    let error = fetch(Timeouts::default(), get(&url)).await.unwrap_err();
    assert!(matches!(error, HttpError::Cut { .. }), "{error:?}");
}

#[tokio::test]
async fn silence_is_not_waited_for_for_ever() {
    let silent = server(async |stream, _| {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    let error = fetch(QUICK, get(&silent)).await.unwrap_err();
    assert!(error.to_string().ends_with("did not answer within 0.2 s"), "{error}");

    let stuck = server(async |mut stream, _| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await.unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
    })
    .await;
    let error = fetch(QUICK, get(&stuck)).await.unwrap_err();
    assert!(matches!(error, HttpError::Timeout { .. }), "{error:?}");
}

#[tokio::test]
async fn a_large_request_is_waited_for_longer() {
    let body = Bytes::from(vec![b'a'; SLOWEST_UPLOAD as usize * 2]);
    let length = body.len();
    let slow = server(async move |mut stream, _| {
        tokio::time::sleep(QUICK.read * 3).await;
        stream.read_exact(&mut vec![0; length]).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    })
    .await;
    let answer = fetch(QUICK, Request::put(&slow).body(body).unwrap()).await.unwrap();
    assert_eq!(&answer.body()[..], b"ok");
}

#[tokio::test]
async fn an_answer_without_end_is_not_taken() {
    let url = server(async |mut stream, _| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", LARGEST + 1);
        stream.write_all(head.as_bytes()).await.unwrap();
        let chunk = vec![0; 1024 * 1024];
        while stream.write_all(&chunk).await.is_ok() {}
    })
    .await;
    let error = fetch(Timeouts::default(), get(&url)).await.unwrap_err();
    assert!(matches!(error, HttpError::TooLarge { .. }), "{error:?}");
}
