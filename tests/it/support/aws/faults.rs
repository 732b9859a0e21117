//! What a call to AWS is, and how it can go wrong.

use hyper::{HeaderMap, StatusCode, Uri};

use super::target::target_of;

/// A call that came by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The service, by its signing name, such as `ecs` or `elasticloadbalancing`.
    pub service: String,
    /// The action, such as `CreateService`; for S3 what its documentation calls the request.
    pub action: String,
    /// What it is about, as its owner calls it; the same in every run.
    pub target: String,
}

/// Which calls are struck. They are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// The n-th call of all.
    Call(usize),
    /// The n-th call of this service and action, as [`Call::name`] writes it.
    Action(&'static str, usize),
    /// The n-th call of this action about this target, as [`Call::site`] writes it.
    Site(String, usize),
    /// The first call that this means, and every one after it.
    From(Box<At>),
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is refused for being one too many.
    Throttled,
    /// The service fails, without an effect.
    Internal,
    /// It is refused, as the credentials have expired.
    Expired,
    /// It is refused, as the caller may not.
    Denied,
    /// The connection breaks before the service hears of it.
    CutBefore,
    /// The connection breaks after the service has done it.
    CutAfter,
}

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before the service hears of the call.
    Before,
    /// After the service has done it, before the caller hears of that.
    After,
}

/// A refusal in the service's own words.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The error's code.
    pub code: &'static str,
    /// The content type.
    pub kind: &'static str,
    /// The body.
    pub body: String,
}

impl Call {
    /// What a request asks for; `None` if it is no API call, but one of an image registry or a
    /// visitor's.
    pub fn of(method: &str, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let header = |name: &str| headers.get(name)?.to_str().ok();
        let scope = header("authorization")?.split_once("Credential=")?.1.split(',').next()?;
        let service = scope.split('/').nth(3)?.to_owned();
        let action = header("x-amz-target")
            .and_then(|target| target.rsplit('.').next())
            .map(str::to_owned)
            .or_else(|| (service == "s3").then(|| s3_action(method, uri)))
            .or_else(|| form_action(body))?;
        let target = target_of(&service, uri, body);
        Some(Self { service, action, target })
    }

    /// Both in one, such as `ecs:CreateService`.
    pub fn name(&self) -> String {
        format!("{}:{}", self.service, self.action)
    }

    /// The place in the program that it comes from, as far as one sees that from outside: its name
    /// and what it is about.
    pub fn site(&self) -> String {
        format!("{} {}", self.name(), self.target).trim_end().to_owned()
    }

    /// True if it changes nothing.
    pub fn is_read(&self) -> bool {
        const READS: [&str; 7] = ["Batch", "Describe", "Filter", "Get", "Head", "List", "Simulate"];
        READS.iter().any(|verb| self.action.starts_with(verb))
    }
}

fn form_action(body: &[u8]) -> Option<String> {
    let form: Vec<(String, String)> = serde_urlencoded::from_bytes(body).ok()?;
    form.into_iter().find(|(key, _)| key == "Action").map(|(_, action)| action)
}

/// S3 has no field for it: method, path and the first word of the query say it.
fn s3_action(method: &str, uri: &Uri) -> String {
    let of_object = uri.path().trim_matches('/').contains('/');
    let query = uri.query().unwrap_or_default();
    let noun = query.split(['&', '=']).next().unwrap_or_default();
    let name = match (method, of_object, noun) {
        ("GET", false, "list-type" | "delimiter" | "prefix") => "ListObjectsV2",
        ("GET", false, "" | "x-id") if uri.path() == "/" => "ListBuckets",
        ("GET", false, "tagging") => "GetBucketTagging",
        ("PUT", false, "tagging") => "PutBucketTagging",
        ("PUT", false, "publicAccessBlock") => "PutPublicAccessBlock",
        ("PUT", false, "" | "x-id") => "CreateBucket",
        ("HEAD", false, _) => "HeadBucket",
        ("DELETE", false, "" | "x-id") => "DeleteBucket",
        ("POST", false, "delete") => "DeleteObjects",
        ("GET", true, _) => "GetObject",
        ("PUT", true, _) => "PutObject",
        ("HEAD", true, _) => "HeadObject",
        ("DELETE", true, _) => "DeleteObject",
        _ => return format!("{method} {noun}"),
    };
    name.to_owned()
}

/// How a service's errors look.
enum Shape {
    Json,
    Query,
    Ec2,
    S3,
}

fn shape(service: &str) -> Shape {
    match service {
        "s3" => Shape::S3,
        "ec2" => Shape::Ec2,
        "elasticloadbalancing" | "iam" | "sts" => Shape::Query,
        _ => Shape::Json,
    }
}

impl Fault {
    /// The refusal, as the service would write it; `None` if there is no answer at all.
    pub fn answer(self, service: &str) -> Option<Answer> {
        let shape = shape(service);
        let (status, code, message) = self.words(&shape)?;
        let (kind, body) = write(&shape, code, message);
        Some(Answer { status, code, kind, body })
    }

    fn words(self, shape: &Shape) -> Option<(StatusCode, &'static str, &'static str)> {
        use StatusCode as Status;
        let (status, code) = match (self, shape) {
            (Self::Throttled, Shape::Json) => (Status::BAD_REQUEST, "ThrottlingException"),
            (Self::Throttled, Shape::Query) => (Status::BAD_REQUEST, "Throttling"),
            (Self::Throttled, Shape::Ec2) => (Status::SERVICE_UNAVAILABLE, "RequestLimitExceeded"),
            (Self::Throttled, Shape::S3) => (Status::SERVICE_UNAVAILABLE, "SlowDown"),
            (Self::Internal, Shape::Json) => (Status::INTERNAL_SERVER_ERROR, "ServerException"),
            (Self::Internal, Shape::Query) => (Status::INTERNAL_SERVER_ERROR, "InternalFailure"),
            (Self::Internal, _) => (Status::INTERNAL_SERVER_ERROR, "InternalError"),
            (Self::Expired, Shape::Json) => (Status::BAD_REQUEST, "ExpiredTokenException"),
            (Self::Expired, Shape::Query) => (Status::FORBIDDEN, "ExpiredToken"),
            (Self::Expired, Shape::Ec2) => (Status::BAD_REQUEST, "RequestExpired"),
            (Self::Expired, Shape::S3) => (Status::BAD_REQUEST, "ExpiredToken"),
            (Self::Denied, Shape::Json) => (Status::BAD_REQUEST, "AccessDeniedException"),
            (Self::Denied, Shape::Ec2) => (Status::FORBIDDEN, "UnauthorizedOperation"),
            (Self::Denied, _) => (Status::FORBIDDEN, "AccessDenied"),
            (Self::CutBefore | Self::CutAfter, _) => return None,
        };
        let message = match self {
            Self::Throttled => "Rate exceeded",
            Self::Internal => "An internal error has occurred",
            Self::Expired => "The security token included in the request is expired",
            _ => "The caller is not authorized to perform this action",
        };
        Some((status, code, message))
    }
}

fn write(shape: &Shape, code: &str, message: &str) -> (&'static str, String) {
    let error = format!("<Code>{code}</Code><Message>{message}</Message>");
    match shape {
        Shape::Json => {
            let body = serde_json::json!({"__type": code, "message": message});
            ("application/x-amz-json-1.1", body.to_string())
        }
        Shape::Query => {
            let body =
                format!("<ErrorResponse><Error><Type>Sender</Type>{error}</Error></ErrorResponse>");
            ("text/xml", body)
        }
        Shape::Ec2 => {
            let body = format!("<Response><Errors><Error>{error}</Error></Errors></Response>");
            ("text/xml", body)
        }
        Shape::S3 => {
            ("application/xml", format!("<Error>{error}<RequestId>struck</RequestId></Error>"))
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;

    use super::*;

    fn call(
        service: &str,
        extra: &[(&'static str, &str)],
        request: &str,
        body: &str,
    ) -> Option<String> {
        let (method, uri) = request.split_once(' ').unwrap();
        let mut headers = HeaderMap::new();
        let credential = format!(
            "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/{service}/aws4_request, S=0"
        );
        headers.insert("authorization", credential.parse().unwrap());
        for (name, value) in extra {
            headers.insert(*name, value.parse().unwrap());
        }
        Call::of(method, &uri.parse().unwrap(), &headers, body.as_bytes()).map(|call| call.name())
    }

    #[test]
    fn calls_of_every_protocol_have_a_name() {
        let target = [("x-amz-target", "AmazonEC2ContainerServiceV20141113.CreateService")];
        assert_eq!(call("ecs", &target, "POST /", "{}").unwrap(), "ecs:CreateService");
        let form = "Version=2010-05-08&Action=CreateRole";
        assert_eq!(call("iam", &[], "POST /", form).unwrap(), "iam:CreateRole");
        for (request, action) in [
            ("GET /", "ListBuckets"),
            ("PUT /bucket", "CreateBucket"),
            ("PUT /bucket?publicAccessBlock", "PutPublicAccessBlock"),
            ("GET /bucket?list-type=2&prefix=a%2F", "ListObjectsV2"),
            ("PUT /bucket/board/production/lock", "PutObject"),
            ("DELETE /bucket/a?x-id=DeleteObject", "DeleteObject"),
        ] {
            assert_eq!(call("s3", &[], request, "").unwrap(), format!("s3:{action}"));
        }
    }

    #[test]
    fn registry_and_visitors_are_no_calls() {
        let of = |uri: &str| Call::of("GET", &uri.parse().unwrap(), &HeaderMap::new(), b"");
        assert_eq!(of("/v2/board/manifests/1"), None);
        assert_eq!(of("/"), None);
    }

    #[test]
    fn refusals_are_in_the_words_of_the_service() {
        let said = |fault: Fault, service| fault.answer(service).unwrap();
        assert_eq!(
            said(Fault::Throttled, "ecs").body,
            r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#
        );
        assert!(said(Fault::Throttled, "iam").body.contains("<Code>Throttling</Code>"));
        assert_eq!(said(Fault::Throttled, "s3").status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(said(Fault::Throttled, "ec2").code, "RequestLimitExceeded");
        assert_eq!(said(Fault::Denied, "ec2").code, "UnauthorizedOperation");
        assert_eq!(said(Fault::Expired, "sts").code, "ExpiredToken");
        assert_eq!(said(Fault::Expired, "secretsmanager").code, "ExpiredTokenException");
        assert_eq!(Fault::CutAfter.answer("ecs"), None);
    }
}
