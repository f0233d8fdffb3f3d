// Light or dark, as the reader or the system prefers; set before the first paint, so that the page does not flash.
{
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = (event) => {
    let chosen = null;
    try {
      chosen = localStorage.getItem("theme");
    } catch {
      // storage may be refused; then the choice lasts as long as this page
      chosen = event?.detail && event.detail !== "system" ? event.detail : null;
    }
    document.documentElement.dataset.theme = chosen ?? (system.matches ? "dark" : "light");
  };
  system.addEventListener("change", apply);
  addEventListener("themechange", apply);
  addEventListener("storage", apply);
  apply();
}
