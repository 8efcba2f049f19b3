// Does the same work in the main thread, in a worker thread and in a child process, for so many seconds each.
'use strict';
const { Worker, isMainThread } = require('node:worker_threads');
const { fork } = require('node:child_process');

const seconds = Number(process.argv[2] ?? 1);

function mix(rounds) { let x = 1; for (let i = 0; i < rounds; i++) x = (x * 1103515245 + 12345) % 2147483648; return x; }
function work_of_main() { mix(1e6); }
function work_of_worker() { mix(1e6); }
function work_of_child() { mix(1e6); }

function spend(work) {
  const cpu = () => { const { user, system } = process.cpuUsage(); return user + system; };
  // The worker's clock counts the main thread too, which only waits meanwhile.
  for (const end = cpu() + 1e6 * seconds; cpu() < end;) work();
}

if (!isMainThread) {
  spend(work_of_worker);
} else if (process.argv[3] === 'child') {
  spend(work_of_child);
} else {
  spend(work_of_main);
  new Worker(__filename, { argv: [String(seconds)] }).on('exit', () => fork(__filename, [String(seconds), 'child']));
}
