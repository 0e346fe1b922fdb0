#include "picture.hpp"

#include <algorithm>
#include <array>

namespace pic {

namespace {

/// The pixels around one, those beyond the picture's edge taken from the edge.
struct neighbourhood {
    area outer;
    std::span<const std::byte> from;

    int at(std::int64_t x, std::int64_t y, std::size_t colour) const noexcept {
        const auto column = std::clamp<std::int64_t>(x - outer.x, 0, outer.width - 1);
        const auto row = std::clamp<std::int64_t>(y - outer.y, 0, outer.height - 1);
        const auto index = static_cast<std::size_t>(row * outer.width + column);
        return std::to_integer<int>(from[index * pixel_bytes + colour]);
    }
};

using filter_function = int (*)(const neighbourhood& around, std::int64_t x, std::int64_t y,
                                std::size_t colour);

int blur(const neighbourhood& around, std::int64_t x, std::int64_t y, std::size_t colour) {
    int sum = 0;
    for (const int down : {-1, 0, 1})
        for (const int right : {-1, 0, 1})
            sum += around.at(x + right, y + down, colour);
    return sum / 9;
}

int edges(const neighbourhood& around, std::int64_t x, std::int64_t y, std::size_t colour) {
    const auto at = [&](int right, int down) { return around.at(x + right, y + down, colour); };
    const int across = at(1, -1) + 2 * at(1, 0) + at(1, 1) - at(-1, -1) - 2 * at(-1, 0) - at(-1, 1);
    const int along = at(-1, 1) + 2 * at(0, 1) + at(1, 1) - at(-1, -1) - 2 * at(0, -1) - at(1, -1);
    return std::abs(across) + std::abs(along);
}

int tone(const neighbourhood& around, std::int64_t x, std::int64_t y, std::size_t colour) {
    return 255 - (around.at(x, y, colour) - 40) * 3 / 2;
}

filter_function filter_of(std::string_view name) noexcept {
    if (name == "blur")
        return &blur;
    if (name == "edges")
        return &edges;
    return name == "tone" ? &tone : nullptr;
}

} // namespace

area with_border(area inner, std::uint32_t width, std::uint32_t height) {
    area outer;
    outer.x = inner.x - (inner.x > 0 ? 1 : 0);
    outer.y = inner.y - (inner.y > 0 ? 1 : 0);
    outer.width = std::min(inner.x + inner.width + 1, width) - outer.x;
    outer.height = std::min(inner.y + inner.height + 1, height) - outer.y;
    return outer;
}

bool apply(std::string_view filter, area inner, area outer, std::span<const std::byte> from,
           std::span<std::byte> to) {
    const filter_function value_of = filter_of(filter);
    if (!value_of)
        return false;
    const neighbourhood around{outer, from};
    std::size_t next = 0;
    for (std::uint32_t y = inner.y; y < inner.y + inner.height; ++y)
        for (std::uint32_t x = inner.x; x < inner.x + inner.width; ++x)
            for (std::size_t colour = 0; colour < pixel_bytes; ++colour)
                to[next++] =
                    static_cast<std::byte>(std::clamp(value_of(around, x, y, colour), 0, 255));
    return true;
}

picture in_one_loop(picture from) {
    const area whole{0, 0, from.width, from.height};
    for (const std::string_view filter : {"blur", "edges", "tone"}) {
        std::vector<std::byte> to(from.pixels.size());
        apply(filter, whole, whole, from.pixels, to);
        from.pixels.swap(to);
    }
    return from;
}

} // namespace pic
