// An open file descriptor of the operating system, closed at the end. Movable; used by one thread
// unless its owner says otherwise.
#pragma once

#include <unistd.h>

#include <utility>

namespace insula {

class Descriptor {
  public:
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        // The result says nothing about durability (a sync did), and EINTR closes on Linux.
        if (number_ >= 0) static_cast<void>(::close(number_));
    }
    int get() const { return number_; }
    int release() { return std::exchange(number_, -1); }

  private:
    int number_;
};

}  // namespace insula
