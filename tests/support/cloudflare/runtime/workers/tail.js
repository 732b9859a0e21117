// Hears what every request of this process logged, and tells the router.

export default {
  async tail(events) {
    await fetch("http://tail/", { method: "POST", body: JSON.stringify(events) });
  },
};
