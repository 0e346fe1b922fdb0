#include <equus/wire/write.hpp>

namespace equus::wire::detail {

std::size_t accepted_bytes(const sizer& size) noexcept {
    constexpr limits least;
    const bool refused =
        size.refused || size.words > message_words_max ||
        size.empty_elements > least.spare_words + size.words * (least.amplification_max - 1);
    return refused ? 0 : static_cast<std::size_t>(size.words * word_bytes);
}

void write_blob(std::byte* at, const void* from, std::size_t size, bool text, writer& to) noexcept {
    const std::size_t count = size + (text ? 1 : 0);
    const std::uint64_t words = words_of_bytes(count);
    std::byte* content = to.take(words);
    store_list_pointer(at, content, element_size::byte, static_cast<std::uint32_t>(count));
    if (words == 0)
        return;
    store<std::uint64_t>(to.next - word_bytes, 0);
    if (size != 0)
        std::memcpy(content, from, size);
}

} // namespace equus::wire::detail
