// libcapnp as a witness. Its headers do not compile under clang in C++20, so this interface is
// plain C++17 and the implementation is a unit of its own. Every function throws std::runtime_error
// with libcapnp's words when libcapnp refuses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace oracle {

using byte_string = std::vector<std::byte>;

/// One .capnp text, compiled by the schema compiler's library.
class schema {
public:
    explicit schema(const std::string& text);
    ~schema();
    schema(const schema&) = delete;
    schema& operator=(const schema&) = delete;

    /// The struct with this value (as `capnp encode` reads it), set through DynamicValue: one
    /// segment without framing.
    byte_string build(const std::string& name, const std::string& value) const;
    /// The same value in segments that begin with `first_words` and stay small; with framing.
    byte_string build_framed(const std::string& name, const std::string& value,
                             unsigned first_words) const;
    /// A framed message copied field by field into small segments.
    byte_string scatter(const std::string& name, const byte_string& framed,
                        unsigned first_words) const;
    /// The struct with capabilities in these fields, each given the next index of the table. A name
    /// with a number, "refs 3", is a list of that many.
    byte_string build_with_capabilities(const std::string& name,
                                        const std::vector<std::string>& fields) const;
    /// Whether two framed messages have equal values; a null pointer equals its default.
    bool equal(const std::string& name, const byte_string& framed_a,
               const byte_string& framed_b) const;
    /// Reads every field; throws what libcapnp finds wrong.
    void read_all(const std::string& name, const byte_string& framed) const;
    /// Where the fields are, a line each, in the order of the ordinals: "title pointer 0",
    /// "sid.node data 3 = 5" (offset in units of the field's size, then the bits of the default),
    /// "size 3 2".
    std::vector<std::string> layout(const std::string& name) const;

private:
    struct implementation;
    std::unique_ptr<implementation> implementation_;
};

} // namespace oracle
