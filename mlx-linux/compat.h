// Included before every file of mlx-c, and before its headers when bindgen reads them.
// mlx-c is written for Apple's clang; these are the two things it takes for granted.
#ifndef WEFT_MLX_COMPAT_H
#define WEFT_MLX_COMPAT_H

// mlx-c's half.h names the half types on Arm alone, as compiler types with which libmlx.so was not built.
#define MLX_HALF_H
#define HAS_FLOAT16
#define HAS_BFLOAT16

#ifdef __cplusplus

#include <sstream>
#include <string>
#include <string_view>
#include "mlx/types/half_types.h"

using mlx::core::bfloat16_t;
using mlx::core::float16_t;

// gcc has <format> from version 13 on. mlx-c formats plain {} in a few error texts, and no more.
#if __has_include(<format>)
#include <format>
#else
namespace std {
template <typename... Args>
string format(string_view text, const Args&... args) {
  ostringstream out;
  auto next = [&](const auto& arg) {
    auto hole = text.find("{}");
    out << text.substr(0, hole);
    if (hole != string_view::npos) {
      out << arg;
      text.remove_prefix(hole + 2);
    } else {
      text = {};
    }
  };
  (next(args), ...);
  out << text;
  return out.str();
}
} // namespace std
#endif

#else // what bindgen sees: two bytes each

#include <stdint.h>
typedef uint16_t float16_t;
typedef uint16_t bfloat16_t;

#endif
#endif
