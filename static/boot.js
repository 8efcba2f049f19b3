// Before the first paint: the colours that the reader chose, else those that the system prefers.
(() => {
  "use strict";
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const stored = () => {
    try {
      return localStorage.getItem("perfcollect-theme");
    } catch {
      return null; // storage is forbidden
    }
  };
  const paint = () => {
    document.documentElement.dataset.theme = stored() ?? (prefersDark.matches ? "dark" : "light");
  };
  prefersDark.addEventListener("change", paint);
  paint();
})();
