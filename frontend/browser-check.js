// Says so where the browser is too old for the page. A classic script in the syntax of 2015, so that such a browser runs it; the
// page begins only where `tooOld` is false. What is asked for is the newest of what the page needs.
window.tooOld = !(window.AbortSignal && AbortSignal.any && AbortSignal.timeout && Object.hasOwn && [].at);
if (window.tooOld) {
  document.addEventListener("DOMContentLoaded", () => {
    const german = /^de/.test(navigator.language || "");
    const banner = document.getElementById("banner");
    banner.textContent = german
      ? "Dieser Browser ist zu alt für diese Seite. Chrome und Edge ab 116, Firefox ab 124 und Safari ab 17.4 genügen."
      : "This browser is too old for this page. Chrome and Edge from 116, Firefox from 124 and Safari from 17.4 will do.";
    banner.hidden = false;
    document.getElementById("main").removeAttribute("aria-busy");
  });
}
