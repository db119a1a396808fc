"use strict";
// Pages work without this script, but on a stage that asks for an API key: there a page is a shell, and the script fetches
// the view that belongs to it, with the key. Everywhere it keeps the page of a run up to date.
const pages = (() => {
  const KEY = "voucher-selection.api-key";
  const LIVE_MS = 1500;
  const UNREACHABLE = "The API cannot be reached: try again.";
  const root = new URL(`./${document.body.dataset.root}`, location.href);
  const isShell = "shell" in document.body.dataset;

  // Where the content of a page is: in the page itself, or in the view of the same name.
  const contentOf = (page) => {
    const path = page.pathname.slice(root.pathname.length);
    return isShell ? new URL(`views/${path}${page.search}`, root) : new URL(page.pathname + page.search, root);
  };
  const pageOf = (content) => new URL(new URL(content).pathname.slice(root.pathname.length).replace(/^views\//, ""), root);

  const request = (url, options = {}) => {
    const headers = { Accept: "text/html", ...options.headers };
    const key = sessionStorage.getItem(KEY);
    if (key) headers["x-api-key"] = key;
    return fetch(url, { ...options, headers, cache: "no-store" });
  };

  const show = async (answer) => {
    // API Gateway's own refusals, of too many requests say, are no pages.
    if (!answer.headers.get("Content-Type")?.startsWith("text/html")) {
      const { detail, message } = await answer.json();
      return tell(detail ?? message);
    }
    const found = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.title = found.title;
    for (const name of ["main", "footer"]) {
      document.querySelector(name).replaceChildren(...found.querySelector(name).childNodes);
    }
    live();
  };

  const tell = (text) => {
    let place = document.getElementById("told");
    if (!place) {
      place = Object.assign(document.createElement("p"), { id: "told", className: "notice", role: "alert" });
      document.querySelector("h1").after(place);
    }
    place.textContent = text;
  };

  const askForKey = (shell, text) => {
    if (!document.getElementById("key")) document.querySelector("main").replaceChildren(...shell.cloneNode(true).childNodes);
    tell(text);
    const form = document.getElementById("key");
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      sessionStorage.setItem(KEY, new FormData(form).get("api_key").trim());
      load(shell);
    }, { once: true });
  };

  const load = async (shell) => {
    if (!sessionStorage.getItem(KEY)) return askForKey(shell, "This stage shows its data only with an API key.");
    try {
      const answer = await request(contentOf(location));
      if (answer.status === 403) {
        sessionStorage.removeItem(KEY);
        return askForKey(shell, "The key was not accepted.");
      }
      await show(answer);
      // What the address points at has only come now.
      if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
    } catch {
      tell(UNREACHABLE);
    }
  };

  const send = async (form) => {
    try {
      const body = new URLSearchParams(new FormData(form));
      const answer = await request(contentOf(new URL(form.action)), { method: "POST", body });
      if (answer.redirected) return location.assign(pageOf(answer.url));
      await show(answer);
    } catch {
      return tell(UNREACHABLE);
    }
    const result = document.getElementById(new URL(form.action).hash.slice(1));
    (document.querySelector('[aria-invalid="true"]') ?? result ?? document.getElementById("main")).focus();
  };

  // A link cannot send the key.
  const download = async (link) => {
    try {
      const answer = await request(link.href);
      if (!answer.ok) return await show(answer);
      const [, name] = /filename="(.+?)"/.exec(answer.headers.get("Content-Disposition")) ?? [];
      const file = URL.createObjectURL(await answer.blob());
      Object.assign(document.createElement("a"), { href: file, download: name ?? link.pathname.split("/").pop() }).click();
      setTimeout(() => URL.revokeObjectURL(file), LIVE_MS);
    } catch {
      tell(UNREACHABLE);
    }
  };

  const live = () => {
    if (!document.querySelector("[data-live]")) return;
    setTimeout(async () => {
      if (document.hidden || document.querySelector("main form :focus, main form[data-chosen]")) return live();
      try {
        const answer = await request(contentOf(location));
        return answer.ok ? await show(answer) : live();
      } catch {
        return live();
      }
    }, LIVE_MS);
  };

  if (isShell) {
    const shell = document.querySelector("main").cloneNode(true);
    document.addEventListener("submit", (event) => {
      if (event.target.id === "key" || event.target.method !== "post") return;
      event.preventDefault();
      send(event.target);
    });
    document.addEventListener("click", (event) => {
      const link = event.target.closest("a[download]");
      if (!link || link.protocol === "blob:") return;
      event.preventDefault();
      download(link);
    });
    load(shell);
  } else {
    live();
  }
  return { root, request, send };
})();
