/** The WebSocket to the app: JSON both ways, pictures as binary messages; opened again whenever it is gone. */

const firstWaitMs = 400;
const longestWaitMs = 3000;

/**
 * @param {object} told What is called: `message(value)`, `picture(buffer)`, `opened()`, `gone(why)`, where `why` is
 *     "lost", "token" (the address lacks it), "refused" or "busy".
 */
export function connect(told) {
  const token = new URLSearchParams(location.search).get("token") ?? "";
  let socket = null;
  let wait = firstWaitMs;
  let ended = false;
  let timer = 0;

  function open() {
    timer = 0;
    socket = new WebSocket(`ws://${location.host}/ws?token=${encodeURIComponent(token)}`);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      wait = firstWaitMs;
      told.opened();
    });
    socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string") told.message(JSON.parse(data));
      else told.picture(data);
    });
    socket.addEventListener("close", ({ code }) => {
      socket = null;
      told.gone(ended ? "ended" : code === 1008 ? "refused" : code === 1013 ? "busy" : "lost");
      timer = setTimeout(open, wait);
      wait = Math.min(longestWaitMs, wait * 1.6);
    });
  }

  if (token) open();
  else told.gone("token");
  // A machine that wakes up, or a page that is looked at again, doesn't wait.
  addEventListener("online", again);
  document.addEventListener("visibilitychange", again);

  function again() {
    if (!timer || document.hidden) return;
    clearTimeout(timer);
    open();
  }

  return {
    /** Sends a message; false where nobody is there. */
    send(message) {
      if (socket?.readyState !== WebSocket.OPEN) return false;
      socket.send(JSON.stringify(message));
      if (message.do === "quit") ended = true;
      else if (message.do !== "drawn") ended = false;
      return true;
    },
  };
}
