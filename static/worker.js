// Starts the same module in a worker, for work that would hold up the page (viewer/src/worker.rs). The glue is a function, so that
// its text makes the worker: nothing is fetched, and a page from file:// may do it too.
const perfcollect_worker = () => {
  const run = (glue) => {
    let ready;
    onmessage = async ({ data }) => {
      try {
        if (data[0] === "module") {
          const bindgen = glue();
          ready = bindgen({ module_or_path: data[1] }).then(() => bindgen);
          return;
        }
        const bindgen = await ready;
        const [work, id, argument] = data;
        const note = (stage) => postMessage([id, stage]);
        if (work === "open") bindgen.worker_open(argument);
        else bindgen.worker_run(argument, note);
        postMessage([id, null]);
      } catch (error) {
        postMessage([data[1], String(error)]);
      }
    };
  };
  const text = new Blob([`(${run})(${perfcollect_glue})`], { type: "text/javascript" });
  const worker = new Worker(URL.createObjectURL(text));
  worker.postMessage(["module", perfcollect_module]);
  return worker;
};
let perfcollect_module;
