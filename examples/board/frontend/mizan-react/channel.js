// One subscription on a WebSocket of its own, which connects again when a deploy or a bad network closes it.

const PATH = "/ws/mizan/";
const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;

/** Subscribe to `channel`; returns the function that ends it. */
export function openChannel(channel, onNews) {
  let socket;
  let timer;
  let wait = FIRST_WAIT;

  function connect() {
    socket = new WebSocket(PATH);
    socket.onopen = () => {
      wait = FIRST_WAIT;
      socket.send(JSON.stringify({ subscribe: channel }));
    };
    socket.onmessage = (event) => {
      const message = JSON.parse(event.data);
      if (message.channel === channel) onNews(message.data);
    };
    socket.onclose = () => {
      onNews(null);
      timer = setTimeout(connect, wait);
      wait = Math.min(wait * 2, LONGEST_WAIT);
    };
  }

  connect();
  return () => {
    clearTimeout(timer);
    socket.onclose = null;
    socket.close();
  };
}
