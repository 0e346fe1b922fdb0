// Values of a type known by description only: JSON for people, and the defaults of a .capnp file.
#include "wire/schema_model.hpp"

#include <charconv>
#include <cmath>

namespace equus::wire {
namespace {

using detail::element_size;
using detail::list_view;
using detail::load;
using detail::reader;
using detail::segment;
using detail::slot;
using detail::struct_view;
using detail::word_bytes;

unsigned log2_bits_of(type_kind kind) noexcept {
    switch (kind) {
    case type_kind::boolean:
        return 0;
    case type_kind::int8:
    case type_kind::uint8:
        return 3;
    case type_kind::int16:
    case type_kind::uint16:
    case type_kind::enumeration:
        return 4;
    case type_kind::int32:
    case type_kind::uint32:
    case type_kind::float32:
        return 5;
    default:
        return 6;
    }
}

bool is_scalar(type_kind kind) noexcept {
    return kind >= type_kind::boolean && kind <= type_kind::enumeration;
}

element_size element_size_of(type_kind kind) noexcept {
    if (is_scalar(kind))
        return detail::element_size_of_bits_log2(log2_bits_of(kind));
    switch (kind) {
    case type_kind::nothing:
        return element_size::nothing;
    case type_kind::structure:
    case type_kind::group:
    case type_kind::optional:
    case type_kind::variant:
    case type_kind::owned:
        return element_size::composite;
    default:
        return element_size::pointer;
    }
}

/// The number at a place in units of its size; what lies behind the data section is zero.
std::uint64_t bits_at(const std::byte* data, std::uint32_t data_bytes, unsigned log2_bits,
                      std::uint32_t offset) noexcept {
    if (log2_bits == 0) {
        if (offset / 8 >= data_bytes)
            return 0;
        return std::to_integer<unsigned>(data[offset / 8]) >> (offset % 8) & 1u;
    }
    const std::size_t size = std::size_t{1} << (log2_bits - 3);
    if ((std::size_t{offset} + 1) * size > data_bytes)
        return 0;
    const std::byte* at = data + std::size_t{offset} * size;
    switch (size) {
    case 1:
        return load<std::uint8_t>(at);
    case 2:
        return load<std::uint16_t>(at);
    case 4:
        return load<std::uint32_t>(at);
    default:
        return load<std::uint64_t>(at);
    }
}

enum class style { json, schema };

class value_printer {
public:
    value_printer(reader& with, style form, std::string& out)
        : with_{with}, style_{form}, out_{out} {}

    /// All fields in JSON; in a schema those that differ from their default, and null if there are
    /// none.
    bool structure(const schema_type& type, const struct_view& from) {
        std::size_t place = 0;
        return fields(type, from, place);
    }

    /// Not a group: what a field of this type has at its place.
    bool value(const schema_type& type, const struct_view& from, const slot& at,
               std::uint64_t default_bits) {
        if (type.kind == type_kind::optional) {
            const std::uint64_t tag = bits_at(from.data, from.data_bytes, 4, at.tag);
            if (tag > 1)
                return with_.fail("neither none nor some");
            if (tag == 0) {
                out_ += style_ == style::json ? "null" : "(none = void)";
                return true;
            }
            if (style_ == style::json)
                return value(type.members[0](), from, {at.offset}, 0);
            out_ += "(some = ";
            const bool good = value(type.members[0](), from, {at.offset}, 0);
            out_ += ')';
            return good;
        }
        if (is_scalar(type.kind)) {
            const unsigned log2_bits = log2_bits_of(type.kind);
            scalar(type, bits_at(from.data, from.data_bytes, log2_bits, at.offset) ^ default_bits);
            return true;
        }
        if (type.kind == type_kind::nothing) {
            out_ += style_ == style::json ? "null" : "void";
            return true;
        }
        if (at.offset >= from.pointer_count)
            return null(type);
        return pointer(type, from.in, from.pointers + std::size_t{at.offset} * word_bytes);
    }

private:
    bool fields(const schema_type& type, const struct_view& from, std::size_t& place) {
        const bool json = style_ == style::json;
        const std::uint64_t* defaults = type.defaults();
        out_ += json ? '{' : '(';
        bool first = true;
        if (type.kind == type_kind::variant)
            return alternative(type, from);
        for (std::uint32_t i = 0; i < type.members.size(); ++i) {
            const schema_type& each = type.members[i]();
            const std::size_t mark = out_.size();
            if (!first)
                out_ += ", ";
            name(nth_name(type.kind == type_kind::map ? "key, value" : type.fields, i));
            const std::size_t before = out_.size();
            bool good;
            if (each.kind == type_kind::group) {
                good = group(each, type, from, place);
            } else {
                good = value(each, from, type.places[place], defaults[place]);
                if (!json && good && is_default(each, from, type.places[place]))
                    out_.resize(before);
                ++place;
            }
            if (!good) {
                with_.note_field(type.fields, i);
                return false;
            }
            if (!json && (out_.size() == before || out_.substr(before) == "()"))
                out_.resize(mark);
            else
                first = false;
        }
        out_ += json ? '}' : ')';
        return true;
    }

    /// A group's fields have their places and defaults in the struct around it.
    bool group(const schema_type& type, const schema_type& around, const struct_view& from,
               std::size_t& place) {
        schema_type flat = type;
        flat.kind = type_kind::structure;
        flat.places = around.places;
        flat.defaults = around.defaults;
        return fields(flat, from, place);
    }

    bool alternative(const schema_type& type, const struct_view& from) {
        const bool json = style_ == style::json;
        std::uint64_t index = 0;
        if (type.members.size() > 1)
            index = bits_at(from.data, from.data_bytes, 4, type.discriminant);
        if (index >= type.members.size())
            return with_.fail("an alternative that this program does not have");
        const schema_type& chosen = type.members[static_cast<std::size_t>(index)]();
        if (!json && index == 0 && is_default(chosen, from, type.places[0])) {
            out_ += ')';
            return true;
        }
        name(detail::alternative_names(type)[static_cast<std::size_t>(index)]);
        if (!value(type.members[static_cast<std::size_t>(index)](), from,
                   type.places[static_cast<std::size_t>(index)], 0))
            return false;
        out_ += json ? '}' : ')';
        return true;
    }

    bool is_default(const schema_type& type, const struct_view& from, const slot& at) const {
        if (is_scalar(type.kind))
            return bits_at(from.data, from.data_bytes, log2_bits_of(type.kind), at.offset) == 0;
        if (type.kind == type_kind::optional)
            return bits_at(from.data, from.data_bytes, 4, at.tag) == 0;
        if (type.kind == type_kind::nothing || type.kind == type_kind::reference)
            return true;
        return at.offset >= from.pointer_count ||
               load<std::uint64_t>(from.pointers + std::size_t{at.offset} * word_bytes) == 0;
    }

    /// What a null pointer means. A schema says nothing of it, but in a list, where it has to
    /// stand.
    bool null(const schema_type& type, bool in_list = false) {
        if (style_ == style::schema && !in_list)
            return true;
        switch (type.kind) {
        case type_kind::text:
        case type_kind::data:
            out_ += "\"\"";
            return true;
        case type_kind::list:
        case type_kind::map:
            out_ += "[]";
            return true;
        case type_kind::structure:
        case type_kind::group:
        case type_kind::variant:
            return structure(type, {});
        default:
            out_ += "null";
            return true;
        }
    }

    bool pointer(const schema_type& type, const segment* in, const std::byte* at) {
        if (load<std::uint64_t>(at) == 0)
            return null(type);
        switch (type.kind) {
        case type_kind::text: {
            std::string_view found;
            if (!with_.follow_text(in, at, found))
                return false;
            text(found);
            return true;
        }
        case type_kind::data: {
            std::span<const std::byte> found;
            if (!with_.follow_data(in, at, found))
                return false;
            data(found);
            return true;
        }
        case type_kind::reference: {
            std::uint32_t index;
            if (!with_.follow_capability(at, index))
                return false;
            out_ += std::to_string(index);
            return true;
        }
        case type_kind::owned:
            return pointer(type.members[0](), in, at);
        case type_kind::list:
        case type_kind::map:
            return list(type, in, at);
        default: {
            struct_view found;
            if (!with_.follow_struct(in, at, found) || !with_.enter())
                return false;
            const bool good = structure(type, found);
            with_.leave();
            return good;
        }
        }
    }

    bool list(const schema_type& type, const segment* in, const std::byte* at) {
        const bool map = type.kind == type_kind::map;
        const schema_type& element = map ? type : type.members[0]();
        const element_size size = map ? element_size::composite : element_size_of(element.kind);
        list_view from;
        if (!with_.follow_list(in, at, size, from) || !with_.enter())
            return false;
        out_ += '[';
        for (std::uint32_t i = 0; i < from.count; ++i) {
            if (i != 0)
                out_ += ", ";
            if (!list_element(element, size, from, i)) {
                with_.note_element(i);
                return false;
            }
        }
        out_ += ']';
        with_.leave();
        return true;
    }

    bool list_element(const schema_type& type, element_size size, const list_view& from,
                      std::uint32_t i) {
        if (size == element_size::pointer) {
            const std::byte* at = from.pointer(i);
            return load<std::uint64_t>(at) == 0 ? null(type, true) : pointer(type, from.in, at);
        }
        const bool bits = size == element_size::bit;
        const struct_view structure_at =
            bits ? struct_view{from.in, from.data, nullptr, i / 8 + 1, 0} : from.structure(i);
        if (size == element_size::composite &&
            (type.kind == type_kind::structure || type.kind == type_kind::group ||
             type.kind == type_kind::variant || type.kind == type_kind::map))
            return structure(type, structure_at);
        // A number at the element's begin, or an optional or owned object in its struct.
        if (size == element_size::composite)
            return value(type, structure_at, type.places[0], 0);
        return value(type, structure_at, {bits ? i : 0}, 0);
    }

    void name(std::string_view field) {
        if (style_ == style::json) {
            text(field);
            out_ += ": ";
        } else {
            out_ += detail::camel_case(field, false) + " = ";
        }
    }

    void scalar(const schema_type& type, std::uint64_t bits) {
        switch (type.kind) {
        case type_kind::boolean:
            out_ += bits != 0 ? "true" : "false";
            break;
        case type_kind::int8:
            out_ += std::to_string(static_cast<std::int8_t>(bits));
            break;
        case type_kind::int16:
            out_ += std::to_string(static_cast<std::int16_t>(bits));
            break;
        case type_kind::int32:
            out_ += std::to_string(static_cast<std::int32_t>(bits));
            break;
        case type_kind::int64:
            out_ += std::to_string(static_cast<std::int64_t>(bits));
            break;
        case type_kind::float32:
            floating(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
            break;
        case type_kind::float64:
            floating(std::bit_cast<double>(bits));
            break;
        case type_kind::enumeration: {
            const std::string_view named = nth_name(type.fields, static_cast<std::size_t>(bits));
            if (style_ == style::schema)
                out_ += detail::camel_case(named, false);
            else if (named.empty())
                out_ += std::to_string(bits);
            else
                text(named);
            break;
        }
        default:
            out_ += std::to_string(bits);
        }
    }

    template <class Float>
    void floating(Float value) {
        if (!std::isfinite(value)) {
            const char* word = std::isnan(value) ? "nan" : value < 0 ? "-inf" : "inf";
            out_ += style_ == style::json ? '"' + std::string{word} + '"' : word;
            return;
        }
        char digits[40];
        const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
        out_.append(digits, end);
    }

    void text(std::string_view from) {
        out_ += '"';
        for (const char c : from) {
            const auto code = static_cast<unsigned char>(c);
            if (c == '"' || c == '\\') {
                out_ += '\\';
                out_ += c;
            } else if (code < 0x20 || code == 0x7f) {
                out_ += style_ == style::json ? "\\u00" : "\\x";
                hexadecimal(code);
            } else {
                out_ += c;
            }
        }
        out_ += '"';
    }

    void data(std::span<const std::byte> from) {
        out_ += style_ == style::json || from.empty() ? "\"" : "0x\"";
        for (const std::byte b : from)
            hexadecimal(std::to_integer<unsigned>(b));
        out_ += '"';
    }

    void hexadecimal(unsigned byte) {
        out_ += "0123456789abcdef"[byte >> 4];
        out_ += "0123456789abcdef"[byte & 15];
    }

    reader& with_;
    style style_;
    std::string& out_;
};

/// The root of a message of one segment; null becomes a struct without content.
bool root_of(const segment& only, std::span<const std::byte> message, reader& with,
             struct_view& out) {
    if (message.size() % word_bytes != 0 || only.words == 0)
        return with.fail("not a whole number of words");
    if (load<std::uint64_t>(only.data) == 0)
        return true;
    return with.follow_struct(&only, only.data, out) && with.enter();
}

} // namespace

result<std::string> to_json(const schema_type& type, std::span<const std::byte> message,
                            const limits& within) {
    const segment only{message.data(), message.size() / word_bytes};
    reader with{{&only, 1}, within};
    std::string out;
    struct_view root;
    if (root_of(only, message, with, root) &&
        value_printer{with, style::json, out}.structure(type, root))
        return out;
    return fail(with.failure(type.name));
}

namespace detail {

std::vector<std::string> default_values(const schema_type& structure) {
    std::vector<std::string> values(structure.places.size());
    const bytes fresh = structure.fresh();
    const segment only{fresh.data(), fresh.size() / word_bytes};
    reader with{{&only, 1}, limits{}};
    struct_view root;
    if (!root_of(only, fresh.span(), with, root))
        return values;
    const std::uint64_t* defaults = structure.defaults();
    std::size_t place = 0;
    const auto each = [&](const auto& self, const schema_type& type) -> void {
        for (const schema_source source : type.members) {
            const schema_type& field = source();
            if (field.kind == type_kind::group) {
                self(self, field);
                continue;
            }
            std::string& out = values[place];
            const slot& at = structure.places[place];
            const bool zero = is_scalar(field.kind) && defaults[place] == 0;
            // An optional, reference or owned object has no default but "none".
            const bool no_default =
                field.kind == type_kind::optional || field.kind == type_kind::nothing ||
                field.kind == type_kind::reference || field.kind == type_kind::owned;
            if (!zero && !no_default)
                value_printer{with, style::schema, out}.value(field, root, at, defaults[place]);
            if (out == "()")
                out.clear();
            ++place;
        }
    };
    each(each, structure);
    return values;
}

} // namespace detail
} // namespace equus::wire
