// Runs a WebAssembly test binary under Node's WASI, with the project's folder as its only one.
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";

const [binary, ...args] = process.argv.slice(2);
const wasi = new WASI({ version: "preview1", args: [binary, ...args], preopens: { "/": process.cwd() } });
const module = await WebAssembly.compile(await readFile(binary));
const instance = await WebAssembly.instantiate(module, wasi.getImportObject());
process.exit(wasi.start(instance));
