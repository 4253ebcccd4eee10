/* Passkeys: <form data-passkey="create|get"> with a hidden field "credential". What the server asks for stands in the page
   (<script type="application/json" id="passkey-options">) or is fetched from the form's own address. Pages say the same in
   words and offer the other ways where a browser knows no passkeys. */
"use strict";

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (ch) => ch.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const ids = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

async function asked(form) {
  const inPage = document.getElementById("passkey-options");
  if (inPage) return JSON.parse(inPage.textContent).publicKey;
  const answer = await fetch(form.action, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(answer.status);
  return (await answer.json()).request_options.publicKey;
}

async function created(options) {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: ids(options.excludeCredentials),
    authenticatorSelection: {
      ...options.authenticatorSelection, residentKey: "required", requireResidentKey: true, userVerification: "required",
    },
  };
  const key = await navigator.credentials.create({ publicKey });
  return written(key, {
    attestationObject: text(key.response.attestationObject),
    clientDataJSON: text(key.response.clientDataJSON),
    transports: key.response.getTransports ? key.response.getTransports() : [],
  });
}

async function shown(options) {
  const publicKey = { ...options, challenge: bytes(options.challenge), allowCredentials: ids(options.allowCredentials) };
  const key = await navigator.credentials.get({ publicKey });
  return written(key, {
    authenticatorData: text(key.response.authenticatorData),
    clientDataJSON: text(key.response.clientDataJSON),
    signature: text(key.response.signature),
    userHandle: key.response.userHandle ? text(key.response.userHandle) : null,
  });
}

function written(key, response) {
  const extensions = key.getClientExtensionResults();
  const data = { id: key.id, rawId: text(key.rawId), type: key.type, response, clientExtensionResults: extensions };
  if (key.authenticatorAttachment) data.authenticatorAttachment = key.authenticatorAttachment;
  return JSON.stringify(data);
}

function said(problem, form) {
  if (problem.name === "InvalidStateError") return "Máy này đã được thêm vào tài khoản từ trước.";
  if (problem.name === "SecurityError") return "Địa chỉ trang này không dùng được vân tay. Đồng chí mở đúng địa chỉ in trên phiếu.";
  if (problem.name === "NotAllowedError") {
    return form.dataset.passkey === "get"
      ? "Chưa nhận được vân tay. Đồng chí bấm nút và thử lại; máy này phải là máy đã mở tài khoản."
      : "Chưa nhận được vân tay. Đồng chí bấm nút và thử lại; máy phải có khóa màn hình bằng vân tay, khuôn mặt hoặc mã số.";
  }
  return "Chưa thực hiện được. Đồng chí kiểm tra đường truyền rồi thử lại.";
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const known = Boolean(window.PublicKeyCredential && navigator.credentials);
  form.hidden = !known;
  for (const other of document.querySelectorAll("[data-no-passkey]")) other.hidden = known;
  for (const details of document.querySelectorAll("details[data-other-way]")) details.open = details.open || !known;
  form.addEventListener("submit", async (event) => {
    if (form.elements.credential.value) return;
    event.preventDefault();
    const note = form.querySelector("[data-problem]");
    note.hidden = true;
    try {
      const options = await asked(form);
      form.elements.credential.value = form.dataset.passkey === "get" ? await shown(options) : await created(options);
      form.submit();
    } catch (problem) {
      note.textContent = said(problem, form);
      note.hidden = false;
    }
  });
}

// The code of the slip comes behind the #, where no server and no log sees it.
const field = document.querySelector("input[data-slip]");
if (field && location.hash.length > 20) {
  field.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
}
