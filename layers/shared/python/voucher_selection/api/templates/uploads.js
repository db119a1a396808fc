// The form that uploads a file: past the API, to an address of S3 that the API signs for this file. The file is read in
// parts, so that it may be larger than the memory. All listens at the document: on a shell, the form comes later.
(() => {
  const PART_BYTES = 8 * 2 ** 20;
  const STEP_PERCENT = 10; // what is read aloud
  const EXISTS = 412; // somebody else has just uploaded the same

  const formOf = () => document.querySelector("form.upload");
  const partsOf = (form) => ({
    input: form.querySelector("[type=file]"),
    error: form.querySelector("#file_error"),
    progress: form.querySelector("progress"),
    status: form.querySelector("[role=status]"),
    button: form.querySelector("[type=submit]"),
  });
  const written = (bytes) => {
    const [unit, name] = bytes < 1e6 ? [1e3, "kB"] : [1e6, "MB"];
    return `${(bytes / unit).toLocaleString("en", { maximumFractionDigits: 1 })} ${name}`;
  };

  const tellError = (form, text) => {
    const { input, error } = partsOf(form);
    error.textContent = text;
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
    if (text) input.focus();
  };

  // Why a file cannot be uploaded; empty if it can.
  const refusal = (form, file) => {
    const most = Number(form.dataset.mostBytes);
    if (!file.size) return `${file.name} is empty: choose a file with rows`;
    if (file.size > most) return `expected at most ${written(most)}, got ${written(file.size)}: put the file into the bucket, and give its address`;
    return "";
  };

  const choose = (form) => {
    const { input, status } = partsOf(form);
    const [file] = input.files;
    form.toggleAttribute("data-chosen", Boolean(file)); // the page does not replace the form now
    tellError(form, file ? refusal(form, file) : "");
    status.textContent = file ? `${file.name}, ${written(file.size)}` : "";
  };

  const tellProgress = (form, what, done, whole) => {
    const { progress, status } = partsOf(form);
    progress.parentElement.hidden = false;
    Object.assign(progress, { max: whole, value: done });
    const text = `${what}: ${Math.floor((100 * done) / whole / STEP_PERCENT) * STEP_PERCENT} %`;
    if (status.textContent !== text) status.textContent = text;
  };

  const sha256 = (content) => crypto.subtle.digest("SHA-256", content);

  // The SHA-256 of the digests of the file's parts: the browser's own digest takes no file in parts.
  const digestOf = async (file, told) => {
    const digests = [];
    for (let start = 0; start < file.size; start += PART_BYTES) {
      digests.push(await sha256(await file.slice(start, start + PART_BYTES).arrayBuffer()));
      told(Math.min(start + PART_BYTES, file.size));
    }
    const whole = new Uint8Array(await sha256(await new Blob(digests).arrayBuffer()));
    return [...whole].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  };

  const offerFor = async (file, digest) => {
    const body = JSON.stringify({ name: file.name, size: file.size, sha256: digest });
    const headers = { Accept: "application/json", "Content-Type": "application/json" };
    const answer = await pages.request(new URL("uploads", pages.root), { method: "POST", headers, body });
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.errors?.[0]?.detail ?? said.detail ?? said.message);
    return said;
  };

  // fetch() does not tell how much it has sent.
  const put = (file, { method, url, headers }, told) =>
    new Promise((done, failed) => {
      const request = new XMLHttpRequest();
      request.open(method, url);
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      request.upload.addEventListener("progress", (event) => told(event.loaded));
      request.addEventListener("error", () => failed(new Error("The upload broke off: try again.")));
      request.addEventListener("load", () => {
        if (request.status < 300 || request.status === EXISTS) return done();
        const why = new DOMParser().parseFromString(request.responseText, "text/xml").querySelector("Message");
        failed(new Error(`S3 refused the file (${request.status}): ${why?.textContent ?? "try again"}`));
      });
      request.send(file);
    });

  // Upload a file, unless it was uploaded before, and return its address.
  const upload = async (form, file) => {
    let digest;
    try {
      digest = await digestOf(file, (read) => tellProgress(form, "Reading the file", read, file.size));
    } catch {
      throw new Error(`${file.name} cannot be read: choose a file, not a folder; if it has changed, choose it again`);
    }
    const { source, send } = await offerFor(file, digest).catch((error) => {
      throw error instanceof TypeError ? new Error("The API cannot be reached: try again.") : error;
    });
    if (send) await put(file, send, (sent) => tellProgress(form, "Uploading", sent, file.size));
    return source;
  };

  const start = async (form, file) => {
    const { progress, status, button } = partsOf(form);
    button.disabled = true;
    try {
      form.elements.source.value = await upload(form, file);
      status.textContent = "Starting the run";
      await pages.send(form);
    } catch (error) {
      status.textContent = "";
      tellError(form, error.message);
    } finally {
      progress.parentElement.hidden = true;
      button.disabled = false;
    }
  };

  document.addEventListener("change", (event) => {
    const form = event.target.closest("form.upload");
    if (form && event.target.type === "file") choose(form);
  });

  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form.upload");
    if (!form) return;
    event.preventDefault();
    event.stopPropagation(); // a shell sends the forms of its page
    const { input, button } = partsOf(form);
    const [file] = input.files;
    const why = file ? refusal(form, file) : "";
    if (button.disabled) return;
    if (why) tellError(form, why);
    else if (file) start(form, file);
    else pages.send(form); // uploaded already: another field was wrong
  }, true);

  const droppedOn = (event) => (event.dataTransfer?.types.includes("Files") ? formOf() : null);
  for (const name of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      const form = droppedOn(event);
      if (!form) return;
      event.preventDefault(); // the browser would open the file
      form.classList.toggle("dropping", name === "dragover");
      const { input, button } = partsOf(form);
      if (name !== "drop" || button.disabled) return;
      const { files } = event.dataTransfer;
      if (files.length !== 1) return tellError(form, `expected one file, got ${files.length}: drop them one after the other`);
      input.files = files;
      choose(form);
      input.focus();
    });
  }
})();
