// CPU time split 70/20/10 between three functions that differ in nothing else; with a number, so many seconds of it.
// The true split, measured with process.cpuUsage(), goes to stderr as JSON.
'use strict';

function hot70(n) { let x = 1; for (let i = 0; i < n; i++) x = (x * 1103515245 + 12345) % 2147483648; return x; }
function warm20(n) { let x = 1; for (let i = 0; i < n; i++) x = (x * 1103515245 + 12345) % 2147483648; return x; }
function cool10(n) { let x = 1; for (let i = 0; i < n; i++) x = (x * 1103515245 + 12345) % 2147483648; return x; }

const cpu = () => { const { user, system } = process.cpuUsage(); return user + system; };
const spent = { hot70: 0, warm20: 0, cool10: 0 };

function timed(work, n) {
  const before = cpu();
  work(n);
  spent[work.name] += cpu() - before;
}

const end = cpu() + 1e6 * Number(process.argv[2] ?? 2);
while (cpu() < end) {
  // Long calls, so that there are few: V8 would expand functions that are called often into their caller.
  timed(hot70, 7_000_000);
  timed(warm20, 2_000_000);
  timed(cool10, 1_000_000);
}
const all = cpu();
for (const name of Object.keys(spent)) spent[name] /= all;
process.stderr.write(`${JSON.stringify(spent)}\n`);
