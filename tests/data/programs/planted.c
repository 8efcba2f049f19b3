/* Three functions of known cost; FACTOR makes one of them slower. */
static volatile unsigned long sink;

__attribute__((noinline)) static unsigned long mix(unsigned long x, long n) {
    for (long i = 0; i < n; i++) x = x * 6364136223846793005UL + (unsigned long)i;
    return x;
}

__attribute__((noinline)) static void load(long n) { sink += mix(1, n) + 1; }
__attribute__((noinline)) static void parse(long n) {
    unsigned long x = 1;
    for (long i = 0; i < n * FACTOR; i++) x = (x ^ (unsigned long)i) * 2862933555777941757UL;
    sink += x;
}
__attribute__((noinline)) static void store(long n) {
    unsigned long x = 1;
    for (long i = 0; i < n; i++) x = (x + (unsigned long)i) * 3935559000370003845UL;
    sink += x;
}

int main(void) {
    for (int i = 0; i < 30; i++) {
        load(3000000);
        parse(2500000);
        store(3000000);
    }
    return (int)(sink & 0);
}
