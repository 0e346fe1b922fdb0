#include "picture.hpp"

#include <png.h>

#include <cstring>
#include <string_view>

namespace pic {

using equus::errc;
using equus::fail;

equus::result<picture> decode_png(std::span<const std::byte> file) {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    if (!png_image_begin_read_from_memory(&image, file.data(), file.size()))
        return fail(errc::malformed, image.message);
    image.format = PNG_FORMAT_RGB;
    if (std::uint64_t{image.width} * image.height > std::uint64_t{1} << 28) {
        png_image_free(&image);
        return fail(errc::too_large, "a picture of more than 2^28 pixels");
    }
    picture made{image.width, image.height, {}};
    made.pixels.resize(PNG_IMAGE_SIZE(image));
    const png_color white{255, 255, 255}; // behind what is transparent
    if (!png_image_finish_read(&image, &white, made.pixels.data(), 0, nullptr))
        return fail(errc::malformed, image.message);
    // The library reads no farther than the pixels, and would not miss the end of a torn file.
    constexpr std::string_view end = "IEND\xae\x42\x60\x82";
    const std::string_view text{reinterpret_cast<const char*>(file.data()), file.size()};
    if (text.find(end) == std::string_view::npos)
        return fail(errc::malformed, "the file has no end");
    return made;
}

equus::result<std::vector<std::byte>> encode_png(std::uint32_t width, std::uint32_t height,
                                                 std::span<const std::byte> pixels) {
    if (pixels.size() != std::size_t{width} * height * pixel_bytes)
        return fail(errc::invalid_argument, "pixels of another size than the picture");
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = width;
    image.height = height;
    image.format = PNG_FORMAT_RGB;
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
    std::vector<std::byte> out(size);
    if (!png_image_write_to_memory(&image, out.data(), &size, 0, pixels.data(), 0, nullptr))
        return fail(errc::invalid_argument, image.message);
    out.resize(size);
    return out;
}

} // namespace pic
