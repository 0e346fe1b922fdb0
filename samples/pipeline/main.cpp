#include "picture.hpp"
#include "pipeline.hpp"

#include <equus/host/main.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace {

equus::result<pic::raster> decode(pic::decode what) {
    auto made = pic::decode_png(what.png.span());
    if (!made)
        return equus::fail(std::move(made.error()));
    pic::raster out{made->width, made->height, equus::bytes{std::span{made->pixels}}};
    return out;
}

equus::result<pic::printed> encode(pic::encode what) {
    auto made = pic::encode_png(what.from.width, what.from.height, what.from.pixels.span());
    if (!made)
        return equus::fail(std::move(made.error()));
    return pic::printed{equus::bytes{std::span<const std::byte>{*made}}};
}

/// `pipeline one-loop IN OUT`: the same work without any of Equus, to compare with.
int one_loop(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: pipeline one-loop IN.png OUT.png\n");
        return 2;
    }
    std::ifstream in{argv[2], std::ios::binary};
    const std::string file{std::istreambuf_iterator<char>{in}, {}};
    auto made = pic::decode_png(std::as_bytes(std::span{file}));
    if (!made) {
        std::fprintf(stderr, "%s: %s\n", argv[2], made.error().describe().c_str());
        return 1;
    }
    const pic::picture done = pic::in_one_loop(std::move(*made));
    auto png = pic::encode_png(done.width, done.height, done.pixels);
    if (!png)
        return 1;
    std::ofstream out{argv[3], std::ios::binary};
    out.write(reinterpret_cast<const char*>(png->data()),
              static_cast<std::streamsize>(png->size()));
    return out ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    equus::main m{argc, argv};
    pic::add_pipeline(m.modules());
    m.effect<pic::decode>(pic::decode_effect, decode);
    m.effect<pic::encode>(pic::encode_effect, encode);
    m.command("one-loop", "the same filters on one picture, in one loop", one_loop);
    return m.run();
}
