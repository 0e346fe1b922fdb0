#include "wire/schema_model.hpp"

namespace equus::wire {
namespace {

using detail::schema_model;

std::string hexadecimal(std::uint64_t value) {
    std::string out;
    for (int shift = 60; shift >= 0; shift -= 4)
        out += "0123456789abcdef"[value >> shift & 15];
    return "0x" + out;
}

class printer {
public:
    explicit printer(const schema_model& model) : model_{model} {}

    std::string print(std::uint64_t file_id) {
        out_ = "# Printed from C++ types: change those, and append only.\n@" +
               hexadecimal(file_id) + ";\n";
        for (std::size_t i = 0; i < model_.nodes.size(); ++i)
            if (model_.nodes[i].parent == schema_model::none)
                node(i, 0);
        return std::move(out_);
    }

private:
    void line(int depth, const std::string& text) {
        out_.append(static_cast<std::size_t>(depth) * 2, ' ');
        out_ += text;
        out_ += '\n';
    }

    void node(std::size_t index, int depth) {
        const schema_model::node& n = model_.nodes[index];
        const bool is_protocol = n.kind == schema_model::node_kind::protocol;
        const char* keyword = n.kind == schema_model::node_kind::enumeration ? "enum "
                              : n.kind == schema_model::node_kind::interface || is_protocol
                                  ? "interface "
                                  : "struct ";
        // A protocol may be called as a struct is.
        const std::string whole = (is_protocol ? "protocol " : "") + n.qualified;
        out_ += '\n';
        line(depth, "# " + whole);
        line(depth, keyword + n.name + " @" + hexadecimal(schema_id(whole)) + " {");
        // A union has at least two members; the first one's place does not depend on it.
        const bool is_union =
            n.kind == schema_model::node_kind::alternatives && n.members.size() > 1;
        if (is_union)
            line(depth + 1, "union {");
        for (const schema_model::member& each : n.members)
            if (n.kind == schema_model::node_kind::enumeration)
                line(depth + 1, each.name + " @" + std::to_string(each.ordinal) + ";");
            else if (is_protocol)
                method(each, depth + 1);
            else
                member(each, index, depth + (is_union ? 2 : 1));
        if (is_union)
            line(depth + 1, "}");
        for (std::size_t i = 0; i < model_.nodes.size(); ++i)
            if (model_.nodes[i].parent == index)
                node(i, depth + 1);
        line(depth, "}");
    }

    void method(const schema_model::member& m, int depth) {
        line(depth, m.name + " @" + std::to_string(m.ordinal) + " " +
                        model_.nodes[m.type.node].name + " -> " +
                        (m.reply == schema_model::none ? "()" : model_.nodes[m.reply].name) + ";");
    }

    void member(const schema_model::member& m, std::size_t scope, int depth) {
        if (m.group) {
            line(depth, m.name + " :group {");
            for (const schema_model::member& each : m.members)
                member(each, scope, depth + 1);
            line(depth, "}");
            return;
        }
        const std::string type = model_.text_of(m.type, scope);
        if (m.optional) {
            line(depth, m.name + " :union {");
            line(depth + 1, "none @" + std::to_string(m.ordinal) + " :Void;");
            line(depth + 1, "some @" + std::to_string(m.ordinal + 1) + " :" + type + ";");
            line(depth, "}");
            return;
        }
        line(depth, m.name + " @" + std::to_string(m.ordinal) + " :" + type +
                        (m.default_value.empty() ? "" : " = " + m.default_value) + ";");
    }

    const schema_model& model_;
    std::string out_;
};

} // namespace

std::string schema_text(std::uint64_t file_id, schema_list roots, protocol_list protocols) {
    return printer{schema_model{roots, protocols}}.print(file_id);
}

} // namespace equus::wire
