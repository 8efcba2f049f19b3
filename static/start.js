// Starts the viewer: with the module inside the page where it is an exported report, else with the server's.
(async () => {
  "use strict";
  const fail = (error) => {
    const note = document.createElement("p");
    note.setAttribute("role", "alert");
    note.textContent = `The page could not start: ${error}. A browser of 2023 or newer can show it.`;
    document.body.append(note);
  };
  const module = () => {
    const inside = document.getElementById("perfcollect-viewer");
    if (!inside) return "viewer.wasm";
    const text = atob(inside.textContent.trim());
    const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream, { headers: { "content-type": "application/wasm" } });
  };
  try {
    await wasm_bindgen({ module_or_path: module() });
  } catch (error) {
    fail(error);
  }
})();
