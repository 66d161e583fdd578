// Arrays for results that are computed outside MLX: memory that nobody has touched, and that is used again.
//
// MLX's own ways to make an array write all of it on one thread, and give its pages back when it goes. Fresh pages cost
// more than most of the arithmetic on them.
#include <list>
#include <mutex>

#include "mlx/c/error.h"
#include "mlx/c/private/mlx.h"

namespace {

using mlx::core::allocator::Buffer;

// What is smaller costs the allocator little: it keeps it by itself.
constexpr size_t LARGE = 1 << 20;

// Large buffers that no array uses any more, the latest one last.
class Spare {
 public:
  // A buffer of `size` bytes. It takes no memory beyond what arrays have had at once: before a new one is made, as much
  // is given back as it takes.
  Buffer take(size_t size) {
    std::lock_guard lock(mutex_);
    auto best = buffers_.end();
    for (auto it = buffers_.begin(); it != buffers_.end(); ++it) {
      bool fits = size_of(*it) >= size && size_of(*it) - size <= size / 8;
      if (fits && (best == buffers_.end() || size_of(*it) <= size_of(*best))) best = it;
    }
    if (best != buffers_.end()) {
      Buffer buffer = *best;
      bytes_ -= size_of(buffer);
      buffers_.erase(best);
      return buffer;
    }
    free_oldest(size);
    return mlx::core::allocator::malloc(size);
  }

  void keep(Buffer buffer) {
    std::lock_guard lock(mutex_);
    bytes_ += size_of(buffer);
    buffers_.push_back(buffer);
  }

  void clear() {
    std::lock_guard lock(mutex_);
    free_oldest(bytes_);
  }

  size_t bytes() {
    std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  static size_t size_of(Buffer buffer) {
    return mlx::core::allocator::allocator().size(buffer);
  }

  // At least `size` bytes, where there are so many.
  void free_oldest(size_t size) {
    for (size_t freed = 0; freed < size && !buffers_.empty(); buffers_.pop_front()) {
      freed += size_of(buffers_.front());
      bytes_ -= size_of(buffers_.front());
      mlx::core::allocator::free(buffers_.front());
    }
  }

  std::mutex mutex_;
  std::list<Buffer> buffers_;
  size_t bytes_ = 0;
};

// Never destroyed: arrays may outlive whatever else is static.
Spare& spare() {
  static Spare* spare = new Spare;
  return *spare;
}

} // namespace

// A row-major float32 array of `dim` sides, above 0, whose numbers are not set. An array without a context on failure.
extern "C" mlx_array weft_array_unset(const int* shape, size_t dim) {
  try {
    mlx::core::Shape sides(shape, shape + dim);
    size_t size = sizeof(float);
    for (int side : sides) size *= side;
    if (size < LARGE) {
      return mlx_array_new_(mlx::core::array(mlx::core::allocator::malloc(size), sides, mlx::core::float32));
    }
    auto keep = [](Buffer buffer) { spare().keep(buffer); };
    return mlx_array_new_(mlx::core::array(spare().take(size), sides, mlx::core::float32, keep));
  } catch (std::exception& error) {
    mlx_error("%s", error.what());
    return mlx_array_new_();
  }
}

// Bytes of buffers that wait for the next array. MLX counts them as in use.
extern "C" size_t weft_spare_bytes() { return spare().bytes(); }

extern "C" void weft_spare_clear() { spare().clear(); }
