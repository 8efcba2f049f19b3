"""Ways in which a Python program starts, multiplies and ends. `agent.py CASE` calls work() a known number of times, and
prints what it can see of a recorder that is inside it. A second argument names a folder to write to."""

import os
import signal
import sys
import threading
import time


def work():
    return 1


def times(count):
    return sum([work() for _ in range(count)])


def numbers(count):
    for number in range(count):
        yield number + work()


def returns():
    print(times(1000), sys.path, sys.argv, __name__)


def looks():
    import gc
    import warnings

    print(times(10), sys.path, sys.flags, sys.warnoptions, warnings.filters, [thread.name for thread in threading.enumerate()])
    print("sitecustomize" in sys.modules, [name for name in sys.modules if "perfcollect" in name])
    print(gc.get_threshold(), gc.isenabled(), sys.gettrace(), [signal.getsignal(n) for n in range(1, 32)])
    print(sorted(os.listdir("/proc/self/fd")), sys.getrecursionlimit(), sys.getswitchinterval())
    print({name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PERFCOLLECT_EVENTS")})


def exits():
    times(10)
    sys.exit(3)


def raises():
    times(10)
    raise ValueError("on purpose")


def leaves():
    times(10)
    print("left", flush=True)
    os._exit(4)


def execs():
    times(10)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *interpreter_options(), __file__, "returns"])


def interpreter_options():
    return ["-X", "dev", "-W", "error"]


def killed():
    end, count = time.monotonic() + 2.5, 0
    while time.monotonic() < end:
        count += times(100)
        [[] for _ in range(1000)]
    print(count, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


def forks():
    ends = [lambda: None, lambda: sys.exit(0), lambda: os._exit(0)]
    for end in ends:
        pid = os.fork()
        if pid == 0:
            times(10)
            end()
            return
        os.waitpid(pid, 0)
    times(10)


def daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            times(10)
            os._exit(0)
        os.wait()
        os._exit(0)
    os.wait()
    times(10)


def task(number):
    return times(10) + number


def pool(method):
    import multiprocessing

    context = multiprocessing.get_context(method)
    with context.Pool(2) as workers:
        print(sorted(workers.map(task, range(8), chunksize=1)))
    child = context.Process(target=task, args=(1,))
    child.start()
    child.join()
    print(child.exitcode)


def pool_fork():
    pool("fork")


def pool_spawn():
    pool("spawn")


def pool_forkserver():
    pool("forkserver")


def be_ended_unseen(started):
    """Has the interpreter told of a signal half a second later, when the worker waits for a lock that nobody gives back.
    Unlike a real signal this does not interrupt the wait, as one that comes just before it does not."""
    import _thread
    import threading

    os.write(started, b"!")
    time.sleep(0.3)
    arguments = (signal.SIGTERM,) if sys.version_info >= (3, 10) else ()
    if not arguments:
        signal.signal(signal.SIGINT, signal.getsignal(signal.SIGTERM))
    threading.Timer(0.5, _thread.interrupt_main, arguments).start()
    return task(0)


def pool_unseen():
    import multiprocessing.connection

    begun, started = os.pipe()
    workers = multiprocessing.get_context("fork").Pool(1)
    [worker] = workers._pool
    result = workers.apply_async(be_ended_unseen, (started,))
    os.read(begun, 1)
    with workers._inqueue._rlock:
        print(result.get())
        # Not `join`: the pool's own thread looks after the worker too, and one of them gets its status.
        print(bool(multiprocessing.connection.wait([worker.sentinel], 60)))
    workers.terminate()


def executor():
    import concurrent.futures
    import multiprocessing

    with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as workers:
        print(sorted(workers.map(task, range(8))))


def children():
    import subprocess

    command = [sys.executable, *interpreter_options(), __file__, "exits"]
    print(subprocess.run(command).returncode)
    print(subprocess.run(command, preexec_fn=lambda: None).returncode)
    pid = os.posix_spawn(sys.executable, command, os.environ)
    print(os.WEXITSTATUS(os.waitpid(pid, 0)[1]))


def threads():
    import concurrent.futures

    workers = [threading.Thread(target=times, args=(100,), name=f"worker{n}") for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        print(list(pool.map(times, [50] * 8)), threading.enumerate()[0].name)

    def fails():
        times(10)
        raise ValueError("in a thread")

    import _thread

    def alone(count, more=0):
        times(count + more)
        done.release()
        raise KeyError("in a thread of its own")

    done = _thread.allocate_lock()
    done.acquire()
    _thread.start_new_thread(alone, (5,), {"more": 5})
    done.acquire()
    while _thread._count():
        time.sleep(0.01)

    failing = threading.Thread(target=fails, name="failing")
    failing.start()
    failing.join()


def generators():
    import asyncio

    async def sleeper():
        await asyncio.sleep(0.001)
        return work()

    async def all_of_them():
        # -X dev tells of what took long, which a busy machine makes of anything.
        asyncio.get_running_loop().slow_callback_duration = 3600
        return sum(await asyncio.gather(*[sleeper() for _ in range(20)]))

    print(sum(numbers(80)), asyncio.run(all_of_them()))


def own_profiler():
    import cProfile
    import pstats

    times(10)
    profile = cProfile.Profile()
    profile.runcall(times, 20)
    stats = pstats.Stats(profile).stats
    print(sorted((key[2], row[:2]) for key, row in stats.items() if key[0] == __file__))


def own_hook():
    seen = []
    times(10)
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, argument: seen.append(event))
    times(20)
    sys.setprofile(before)
    print(seen.count("call"), seen.count("return"))
    times(30)


def moves():
    os.umask(0o777)
    os.chdir("/")
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    print(times(10), os.getuid(), os.getcwd())


def interrupted():
    """A signal's exception must arrive, whatever was going on when the signal came."""
    import gc

    class Late(Exception):
        pass

    def on_alarm(number, frame):
        raise Late

    signal.signal(signal.SIGALRM, on_alarm)
    for _ in range(100):
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.003)
            while True:
                gc.collect(0)
        except Late:
            work()
    print("all arrived")


if __name__ == "__main__":
    globals()[sys.argv[1]]()
