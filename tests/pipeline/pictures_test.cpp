#include "picture.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>

using namespace equus;
using namespace pic;

namespace {

picture drawn(std::uint32_t width, std::uint32_t height) {
    picture made{width, height, std::vector<std::byte>(std::size_t{width} * height * pixel_bytes)};
    for (std::size_t i = 0; i < made.pixels.size(); ++i)
        made.pixels[i] = static_cast<std::byte>(i * i / 7 + i * 3);
    return made;
}

std::vector<std::byte> cut(const picture& from, area part) {
    std::vector<std::byte> out;
    for (std::uint32_t y = part.y; y < part.y + part.height; ++y) {
        const auto* row = from.pixels.data() + (std::size_t{y} * from.width + part.x) * pixel_bytes;
        out.insert(out.end(), row, row + part.width * pixel_bytes);
    }
    return out;
}

} // namespace

TEST_CASE("a filter computes the same tile by tile as at once", "[pipeline]") {
    const picture from = drawn(37, 23);
    const area whole{0, 0, from.width, from.height};
    for (const char* filter : {"blur", "edges", "tone"}) {
        std::vector<std::byte> at_once(from.pixels.size());
        REQUIRE(apply(filter, whole, whole, from.pixels, at_once));
        const picture wanted{from.width, from.height, at_once};
        for (std::uint32_t y = 0; y < from.height; y += 8)
            for (std::uint32_t x = 0; x < from.width; x += 8) {
                const area inner{x, y, std::min(8u, from.width - x), std::min(8u, from.height - y)};
                const area outer = with_border(inner, from.width, from.height);
                std::vector<std::byte> tile(inner.width * inner.height * pixel_bytes);
                REQUIRE(apply(filter, inner, outer, cut(from, outer), tile));
                REQUIRE(tile == cut(wanted, inner));
            }
    }
    std::vector<std::byte> nowhere(from.pixels.size());
    REQUIRE_FALSE(apply("sepia", whole, whole, from.pixels, nowhere));
}

TEST_CASE("a picture survives its file, and what is no picture is refused", "[pipeline]") {
    const picture from = drawn(64, 5);
    const auto file = encode_png(from.width, from.height, from.pixels);
    REQUIRE(file);
    const auto back = decode_png(*file);
    REQUIRE(back);
    REQUIRE(back->width == 64);
    REQUIRE(back->height == 5);
    REQUIRE(back->pixels == from.pixels);
    for (std::size_t size = 0; size < file->size(); size += 7)
        REQUIRE_FALSE(decode_png(std::span{*file}.first(size)));
    REQUIRE_FALSE(encode_png(65, 5, from.pixels));
}
