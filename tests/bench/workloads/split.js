// split.js ITERATIONS: work_heavy, work_medium and work_light do 6, 3 and 1 units an iteration.
'use strict';

function work_heavy(x) {
  for (let i = 0; i < 2e6; i++) x = (Math.imul(x, 6) + i) ^ (x >>> 3);
  return x;
}
function work_medium(x) {
  for (let i = 0; i < 2e6; i++) x = (Math.imul(x, 3) + i) ^ (x >>> 3);
  return x;
}
function work_light(x) {
  for (let i = 0; i < 2e6; i++) x = (Math.imul(x, 2) + i) ^ (x >>> 3);
  return x;
}

function cpuNs() {
  const used = process.cpuUsage();
  return (used.user + used.system) * 1000;
}

const spent = { work_heavy: 0, work_medium: 0, work_light: 0 };
let x = 1;
for (let left = Number(process.argv[2]); left > 0; left--) {
  for (const [work, units] of [[work_heavy, 6], [work_medium, 3], [work_light, 1]]) {
    const start = cpuNs();
    for (let unit = 0; unit < units; unit++) x = work(x);
    spent[work.name] += cpuNs() - start;
  }
}
if (x === 0.5) process.exitCode = 1;
console.error(JSON.stringify({ truth: spent, total_ns: cpuNs(), end_ns: Number(process.hrtime.bigint()) }));
