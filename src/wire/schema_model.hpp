// Types become nodes: what a .capnp file declares and a lock file keeps. Structs, enumerations and
// protocols are nodes of their own; helper structs are nodes nested in the struct whose field needs
// them.
#pragma once

#include <equus/wire/schema.hpp>

#include <map>

namespace equus::wire::detail {

/// "page_count" -> "pageCount", or "PageCount".
std::string camel_case(std::string_view name, bool upper);

/// What the alternatives of a variant are called: after their types.
std::vector<std::string> alternative_names(const schema_type& variant);

struct schema_model {
    static constexpr std::size_t none = ~std::size_t{0};

    /// What a field holds: a built-in type, a node, or a list of something.
    struct type_use {
        type_kind kind =
            type_kind::nothing; ///< structure: see node; a map is a list of its entries
        std::size_t node = none;
        std::vector<type_use> element; ///< of a list: one
    };
    struct member {
        std::string field; ///< as in C++
        std::string name;  ///< as in the schema
        std::uint32_t ordinal = 0;
        bool optional = false; ///< takes `ordinal` and the next one
        bool group = false;
        type_use type;
        std::string default_value;   ///< empty: none
        std::vector<member> members; ///< of a group
        std::size_t reply = none;    ///< of a message of a protocol: the node of what answers it
    };
    enum class node_kind { structure, alternatives, enumeration, interface, protocol };
    struct node {
        node_kind kind = node_kind::structure;
        std::string qualified; ///< "doc.print", of a helper "doc.print.what"
        std::string name;
        std::size_t parent = none;         ///< of a helper: the struct it is nested in
        const schema_type* type = nullptr; ///< null: a protocol
        std::uint32_t ordinals = 0;
        std::vector<member> members;
    };

    explicit schema_model(schema_list roots, protocol_list protocols = {});

    /// A list or struct or number, as a .capnp file writes it inside the node `scope`.
    std::string text_of(const type_use& use, std::size_t scope) const;
    /// The same for a lock file.
    std::string lock_text_of(const type_use& use) const;

    std::vector<node> nodes;

private:
    void add_protocol(const protocol_schema& protocol);
    std::size_t add_named(const schema_type& type);
    std::size_t add_helper(std::size_t owner, std::string_view field, const char* suffix,
                           const schema_type& type);
    void add_fields(std::size_t owner, const schema_type& type, std::vector<member>& to,
                    std::span<const std::string> defaults, std::size_t& place);
    void add_alternatives(std::size_t owner, const schema_type& type);
    member make_member(std::size_t owner, std::string_view field, const schema_type& type);
    type_use use_of(std::size_t owner, std::string_view field, const schema_type& type);
    void settle_names();

    std::map<std::string, std::size_t> named_;
};

/// The default of each place of a struct as .capnp writes it, groups laid flat; empty: zero or
/// null.
std::vector<std::string> default_values(const schema_type& structure);

} // namespace equus::wire::detail
