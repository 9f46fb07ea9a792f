// The dashboard keeps what it shows in the address, behind the #. Browsers take that along to this page, but not from a
// form to where its answer leads, unless the form's own address has it.
for (const form of document.forms) {
  form.action += location.hash;
}
// A person who has logged out is led here, without the cookie: the dashboard's other pages of this browser are to leave as well.
new BroadcastChannel("perf.login").postMessage("shown");
// Light or dark, as it was chosen there.
try {
  const theme = localStorage.getItem("perf.theme");
  if (theme) document.documentElement.dataset.theme = theme;
} catch {
  // Where nothing may be stored, the system chooses.
}
