// Starts the viewer: with the module inside the page where it is an exported report, else with the server's.
(async () => {
  "use strict";
  const fail = (error) => {
    const note = document.createElement("p");
    note.setAttribute("role", "alert");
    note.textContent = `The page could not start: ${error}. A browser of 2023 or newer can show it.`;
    document.body.append(note);
  };
  const packed = async () => {
    const inside = document.getElementById("perfcollect-viewer");
    if (inside) return Uint8Array.from(atob(inside.textContent.trim()), (c) => c.charCodeAt(0));
    const answer = await fetch("viewer.wasm.lzma");
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    return new Uint8Array(await answer.arrayBuffer());
  };
  try {
    perfcollect_module = await WebAssembly.compile(unlzma(await packed()));
    await wasm_bindgen({ module_or_path: perfcollect_module });
  } catch (error) {
    fail(error);
  }
})();
