// Pictures, and what is done to them: plain functions that know nothing of incarnations, so that
// the same work done in one loop can be compared with what the pipeline does.
#pragma once

#include <equus/base/result.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace pic {

/// Red, green, blue, one byte each, row after row without gaps.
inline constexpr std::size_t pixel_bytes = 3;

struct picture {
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    std::vector<std::byte> pixels;
};

/// A PNG file of any kind as red, green, blue. malformed: it is none; too_large: over 2^28 pixels.
equus::result<picture> decode_png(std::span<const std::byte> file);
equus::result<std::vector<std::byte>> encode_png(std::uint32_t width, std::uint32_t height,
                                                 std::span<const std::byte> pixels);

/// A rectangle of a picture.
struct area {
    std::uint32_t x = 0, y = 0, width = 0, height = 0;
};
/// `inner` with one pixel more on each side, as far as the picture goes: what a filter looks at.
area with_border(area inner, std::uint32_t width, std::uint32_t height);

/// Computes `inner` from the pixels of `outer`, which is with_border(inner, ...). Names: "blur"
/// (the mean of nine), "edges" (Sobel), "tone" (more contrast). False: no such filter.
bool apply(std::string_view filter, area inner, area outer, std::span<const std::byte> from,
           std::span<std::byte> to);

/// All filters one after the other, over whole pictures.
picture in_one_loop(picture from);

} // namespace pic
