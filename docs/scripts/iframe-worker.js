/* Opened from the disk a page may start no worker, and the search is one: there it runs in a hidden frame instead. */
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      frame.title = "search";
      document.body.append(frame);
      this.inner = frame.contentWindow;
      const load = (from) =>
        new Promise((resolve, reject) => {
          const script = this.inner.document.createElement("script");
          Object.assign(script, { src: from, onload: resolve, onerror: reject });
          this.inner.document.body.append(script);
        });
      this.inner.importScripts = (...urls) => urls.reduce((before, next) => before.then(() => load(next)), Promise.resolve());
      this.inner.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data: structuredClone(data) }));
      this.ready = load(url);
    }

    postMessage(data) {
      this.ready.then(() => this.inner.dispatchEvent(new MessageEvent("message", { data: this.inner.structuredClone(data) })));
    }
  };
}
