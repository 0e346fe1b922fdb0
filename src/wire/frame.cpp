#include <equus/wire/frame.hpp>

namespace equus::wire::detail {

void write_frame_header(std::span<std::byte> out, std::size_t segment_bytes) noexcept {
    store<std::uint64_t>(out.data(), std::uint64_t{segment_bytes / word_bytes} << 32);
}

result<std::vector<segment>> read_frame(std::span<const std::byte> from, const limits& within) {
    if (from.size() < word_bytes)
        return fail(errc::malformed, "frame without a header");
    const std::uint64_t count = std::uint64_t{load<std::uint32_t>(from.data())} + 1;
    if (count > within.segments_max)
        return fail(errc::too_large, "more segments than limits::segments_max");
    // The table is padded to whole words.
    const std::uint64_t table_bytes = words_of_bytes(4 + 4 * count) * word_bytes;
    if (from.size() < table_bytes)
        return fail(errc::malformed, "frame ends inside its header");

    std::vector<segment> segments;
    segments.reserve(static_cast<std::size_t>(count));
    auto rest = from.subspan(static_cast<std::size_t>(table_bytes));
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t words = load<std::uint32_t>(from.data() + 4 + 4 * i);
        if (words > rest.size() / word_bytes)
            return fail(errc::malformed, "frame ends inside a segment");
        segments.push_back({rest.data(), static_cast<std::size_t>(words)});
        rest = rest.subspan(static_cast<std::size_t>(words) * word_bytes);
    }
    if (!rest.empty())
        return fail(errc::malformed, "bytes behind the last segment");
    return segments;
}

} // namespace equus::wire::detail
