#include "picture.hpp"
#include "pipeline.hpp"

#include <algorithm>

namespace pic {

using namespace equus;

namespace {

/// Where the rows of a rectangle lie in a picture of that width.
layout rows_of(area part, std::uint32_t width) {
    const std::uint64_t stride = std::uint64_t{width} * pixel_bytes;
    return {{part.y * stride + std::uint64_t{part.x} * pixel_bytes,
             std::uint64_t{part.width} * pixel_bytes, part.height, stride}};
}
std::size_t bytes_of(area part) {
    return std::size_t{part.width} * part.height * pixel_bytes;
}

} // namespace

// [stage]
task<finished> stage::on(process p) {
    auto mine = co_await ok(buffer::of(std::size_t{p.width} * p.height * pixel_bytes));
    const buffer_handle to = mine.handle();
    const std::uint32_t tile = std::max(parameters_.tile, 1u);
    const std::uint32_t across = (p.width + tile - 1) / tile;
    const std::uint32_t tiles = across * ((p.height + tile - 1) / tile);
    std::vector<std::byte> seen, made;
    for (std::uint32_t i = 0; i < tiles; ++i) {
        area inner{i % across * tile, i / across * tile, tile, tile};
        inner.width = std::min(tile, p.width - inner.x);
        inner.height = std::min(tile, p.height - inner.y);
        const area outer = with_border(inner, p.width, p.height);
        seen.resize(bytes_of(outer));
        made.resize(bytes_of(inner));
        co_await ok(co_await p.pixels.copy_from(rows_of(outer, p.width), seen));
        if (!apply(parameters_.filter, inner, outer, seen, made))
            co_await ok(fail(errc::invalid_argument, "no filter '" + parameters_.filter + "'"));
        co_await ok(co_await to.copy_to(rows_of(inner, p.width), made));
        if ((i + 1) % across == 0)
            co_await ok(co_await reports.send<progress>(p.number, parameters_.filter, i + 1, tiles,
                                                        where()));
    }
    detail::close(to);
    finished out{mine.handle(right::read)};
    pictures_[p.number] = std::move(mine);
    co_return out;
}
// [/stage]

task<developed> darkroom::on(develop d) {
    decode what;
    what.png = std::move(d.png);
    auto made = co_await effect(decode_effect, what);
    const raster got = co_await ok(std::move(made));
    auto pixels = co_await ok(buffer::of(got.pixels.size()));
    std::copy_n(got.pixels.data(), got.pixels.size(), pixels.data());
    developed out;
    out.width = got.width;
    out.height = got.height;
    out.pixels = bulk{std::move(pixels)};
    co_return out;
}

task<printed> darkroom::on(print p) {
    const buffer pixels = co_await ok(co_await p.pixels.fetch());
    encode what;
    what.from.width = p.width;
    what.from.height = p.height;
    what.from.pixels = bytes{pixels.span()};
    auto made = co_await effect(encode_effect, what);
    co_return co_await ok(std::move(made));
}

void add_pipeline(module_table& modules) {
    modules.add<manager>("pic.manager");
    modules.add<stage>("pic.stage");
    modules.add_service<darkroom>("pic.darkroom", "darkroom", {decode_effect, encode_effect});
}

} // namespace pic
