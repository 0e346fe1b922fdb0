#include "config/source.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

namespace equus::config {

source::source(std::string name, std::string text)
    : name_{std::move(name)}, text_{std::move(text)} {
    starts_.push_back(0);
    for (std::size_t i = 0; i < text_.size(); ++i)
        if (text_[i] == '\n')
            starts_.push_back(static_cast<std::uint32_t>(i + 1));
}

std::uint32_t source::line_of(std::uint32_t offset) const noexcept {
    const auto after = std::upper_bound(starts_.begin(), starts_.end(), offset);
    return static_cast<std::uint32_t>(after - starts_.begin());
}

text_position source::position_of(std::uint32_t offset) const noexcept {
    offset = std::min(offset, static_cast<std::uint32_t>(text_.size()));
    const std::uint32_t line = line_of(offset);
    std::uint32_t column = 1;
    for (std::uint32_t i = starts_[line - 1]; i < offset; ++i)
        if ((static_cast<unsigned char>(text_[i]) & 0xc0u) != 0x80u)
            ++column;
    return {line, column};
}

std::string_view source::line(std::uint32_t number) const noexcept {
    const std::size_t begin = starts_[number - 1];
    std::size_t end = number < starts_.size() ? starts_[number] - 1 : text_.size();
    if (end > begin && text_[end - 1] == '\r')
        --end;
    return std::string_view{text_}.substr(begin, end - begin);
}

result<source> read_source(const std::string& path) {
    std::error_code trouble;
    const auto status = std::filesystem::status(path, trouble);
    if (status.type() == std::filesystem::file_type::not_found)
        return fail(errc::not_found, path + ": no such file");
    if (status.type() == std::filesystem::file_type::directory)
        return fail(errc::io_failed, path + ": is a folder");
    std::ifstream in{path, std::ios::binary};
    if (!in)
        return fail(errc::io_failed, path + ": " + std::strerror(errno));
    std::string text(source_bytes_max + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad())
        return fail(errc::io_failed, path + ": " + std::strerror(errno));
    text.resize(static_cast<std::size_t>(in.gcount()));
    return source{path, std::move(text)}; // one byte too many is left for the parser to refuse
}

std::size_t first_bad_byte(std::string_view text) noexcept {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    for (std::size_t i = 0; i < text.size();) {
        const unsigned char first = at(i);
        if (first < 0x80) {
            if ((first < 0x20 && first != '\t' && first != '\n' && first != '\r') || first == 0x7f)
                return i;
            ++i;
            continue;
        }
        const std::size_t length = first >= 0xf0 ? 4u : first >= 0xe0 ? 3u : 2u;
        if (first < 0xc2 || first > 0xf4 || text.size() - i < length)
            return i;
        std::uint32_t point = first & (0xffu >> (length + 1));
        for (std::size_t k = 1; k < length; ++k) {
            if ((at(i + k) & 0xc0u) != 0x80u)
                return i;
            point = (point << 6) | (at(i + k) & 0x3fu);
        }
        const std::uint32_t least = length == 4 ? 0x10000u : length == 3 ? 0x800u : 0x80u;
        if (point < least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
            return i;
        i += length;
    }
    return std::string_view::npos;
}

} // namespace equus::config
