#include <equus/base/result.hpp>

#include <array>
#include <cstddef>

namespace equus {
namespace {

struct code_words {
    errc code;
    std::string_view name;
    std::string_view text;
};

// In the order of the numbers, so that a code is its own index; checked below.
constexpr std::array words{
    code_words{errc::ok, "ok", "ok"},
    code_words{errc::timed_out, "timed_out", "timed out"},
    code_words{errc::maybe_delivered, "maybe_delivered", "maybe delivered"},
    code_words{errc::broken, "broken", "stream broken"},
    code_words{errc::closed, "closed", "closed"},
    code_words{errc::no_such_reference, "no_such_reference", "no such reference"},
    code_words{errc::access_denied, "access_denied", "access denied"},
    code_words{errc::would_block, "would_block", "would block"},
    code_words{errc::handler_failed, "handler_failed", "handler failed"},
    code_words{errc::abandoned, "abandoned", "abandoned without a reply"},
    code_words{errc::unknown_message, "unknown_message", "unknown message"},
    code_words{errc::malformed, "malformed", "malformed"},
    code_words{errc::too_large, "too_large", "too large"},
    code_words{errc::out_of_memory, "out_of_memory", "out of memory"},
    code_words{errc::limit_reached, "limit_reached", "limit reached"},
    code_words{errc::no_such_module, "no_such_module", "no such module"},
    code_words{errc::no_such_node, "no_such_node", "no such node"},
    code_words{errc::no_such_interface, "no_such_interface", "no such interface"},
    code_words{errc::wrong_protocol, "wrong_protocol", "wrong protocol"},
    code_words{errc::not_wired, "not_wired", "not wired"},
    code_words{errc::invalid_argument, "invalid_argument", "invalid argument"},
    code_words{errc::refused, "refused", "refused"},
    code_words{errc::evicted, "evicted", "node evicted"},
    code_words{errc::cancelled, "cancelled", "cancelled"},
    code_words{errc::already_exists, "already_exists", "already exists"},
    code_words{errc::not_found, "not_found", "not found"},
    code_words{errc::io_failed, "io_failed", "i/o failed"},
    code_words{errc::unsupported, "unsupported", "unsupported"},
};

constexpr bool every_code_is_its_own_index() {
    for (std::size_t i = 0; i < words.size(); ++i)
        if (static_cast<std::size_t>(words[i].code) != i)
            return false;
    return true;
}
static_assert(every_code_is_its_own_index());

// A code can come from a peer with a newer list, so any number must have words.
constexpr code_words unknown{errc::ok, "unknown", "unknown error"};

const code_words& words_of(errc code) noexcept {
    const auto index = static_cast<std::size_t>(code);
    return index < words.size() ? words[index] : unknown;
}

} // namespace

std::string_view text_of(errc code) noexcept {
    return words_of(code).text;
}

std::string_view name_of(errc code) noexcept {
    return words_of(code).name;
}

error::error(errc code, std::string text)
    : code_{code}, detail_{new details{std::move(text), nullptr}} {}

error::error(errc code, std::string text, error cause)
    : code_{code}, detail_{
                       new details{std::move(text), std::make_unique<error>(std::move(cause))}} {}

error::error(const error& other) : code_{other.code_}, detail_{copy_of(other.detail_.get())} {}

error& error::operator=(const error& other) {
    if (this != &other) {
        code_ = other.code_;
        detail_.reset(copy_of(other.detail_.get()));
    }
    return *this;
}

void error::destroy_details::operator()(details* detail) const noexcept {
    delete detail;
}

error::details* error::copy_of(const details* from) {
    if (from == nullptr)
        return nullptr;
    return new details{from->text, from->cause ? std::make_unique<error>(*from->cause) : nullptr};
}

std::string error::describe() const {
    std::string line;
    for (const error* e = this; e != nullptr; e = e->cause()) {
        if (!line.empty())
            line += ": ";
        line += text_of(e->code());
        if (!e->text().empty()) {
            line += ": ";
            line += e->text();
        }
    }
    return line;
}

} // namespace equus
