// Methods, templates and namespaces, for names. Usage: shapes [SECONDS]
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <vector>

namespace shapes {

template <typename T> class Accumulator {
  public:
    __attribute__((noinline)) void add(T value, int rounds) {
        for (int i = 0; i < rounds; i++) {
            value ^= value << 13;
            value ^= value >> 7;
            value ^= value << 17;
        }
        sum += value;
    }
    T sum = 0;
};

struct Shape {
    virtual ~Shape() = default;
    virtual void draw(Accumulator<uint64_t> &to) const = 0;
};

struct Circle : Shape {
    __attribute__((noinline)) void draw(Accumulator<uint64_t> &to) const override {
        to.add(88172645463325252ull, 200000);
        extra++;
    }
    mutable volatile int extra = 0;
};

} // namespace shapes

static double cpu_seconds() { return static_cast<double>(clock()) / CLOCKS_PER_SEC; }

int main(int argc, char **argv) {
    double seconds = argc > 1 ? atof(argv[1]) : 1.0;
    std::vector<std::unique_ptr<shapes::Shape>> all;
    all.push_back(std::make_unique<shapes::Circle>());
    shapes::Accumulator<uint64_t> sum;
    while (cpu_seconds() < seconds) {
        for (const auto &shape : all) {
            shape->draw(sum);
        }
    }
    return static_cast<int>(sum.sum & 1) & 0;
}
