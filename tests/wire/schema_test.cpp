// The printed schema is accepted by the schema compiler, and says of every place what we do.
#include "generator.hpp"
#include "support.hpp"
#include "wire/schema_model.hpp"

#include <equus/wire/schema.hpp>

#include <algorithm>
#include <cstdio>

using namespace equus;
using namespace support;

namespace shop {

/// Words of the schema language as names.
struct awkward {
    std::uint32_t interface = 0;
    std::uint8_t import = 0;
    bool annotation = false;
    std::string group;
    std::string list_;
    std::uint64_t some_value_2 = 0;
    double nan = std::numeric_limits<double>::quiet_NaN();
    std::int8_t extends = -128;
    std::int64_t least = INT64_MIN;
    std::optional<std::uint16_t> of;
    std::string tabs = "\t\x01\x7f \xc3\xa9";
    std::array<std::string, 2> two{"", "x"};
    std::map<std::string, std::variant<bool, std::vector<std::optional<point>>>> deep;
    std::variant<point, point, bool> same;
    EQUUS_FIELDS(interface, import, annotation, group, list_, some_value_2, nan, extends, least, of,
                 tabs, two, deep, same)
};

template <class T>
struct boxed {
    T value{};
    EQUUS_FIELDS(value)
};

namespace other {
struct point {
    double x = 0;
    EQUUS_FIELDS(x)
};
} // namespace other

struct mixture {
    boxed<std::uint64_t> number;
    boxed<std::string> text;
    point near_;
    other::point far_;
    EQUUS_FIELDS(number, text, near_, far_)
};

/// Called as built-in types are.
struct list {
    std::vector<point> items;
    EQUUS_FIELDS(items)
};
struct data {
    list inner;
    EQUUS_FIELDS(inner)
};

} // namespace shop

/// In no namespace.
struct Text { // NOLINT: the built-in's name
    shop::data what;
    std::vector<std::string> more;
    EQUUS_FIELDS(what, more)
};

namespace {

using wire::schema_type;
using wire::type_kind;
using model = wire::detail::schema_model;

const std::vector<const schema_type*>& roots() {
    static const std::vector<const schema_type*> all{
        &wire::schema_of<shop::everything>(), &wire::schema_of<shop::references>(),
        &wire::schema_of<shop::version2>(),   &wire::schema_of<shop::version1>(),
        &wire::schema_of<shop::awkward>(),    &wire::schema_of<shop::mixture>(),
        &wire::schema_of<stream_id>(),        &wire::schema_of<Text>(),
    };
    return all;
}

const std::vector<wire::protocol_schema>& protocols() {
    static const auto* point = &wire::schema_of<shop::point>();
    static const auto* other = &wire::schema_of<shop::other::point>();
    static const std::vector<wire::protocol_schema> all{
        {"shop.moving", {{point, nullptr}, {other, &wire::schema_of<shop::version2>()}}},
        {"shop.list", {{other, point}}}, // a struct has this name
    };
    return all;
}

const oracle::schema& printed() {
    static const oracle::schema schema{
        wire::schema_text(wire::schema_id("test"), roots(), protocols())};
    return schema;
}

bool is_number(type_kind kind) {
    return kind >= type_kind::boolean && kind <= type_kind::enumeration;
}

std::string place_text(const schema_type& type, const wire::detail::slot& at, std::uint64_t bits) {
    if (type.kind == type_kind::nothing)
        return " void";
    return is_number(type.kind)
               ? " data " + std::to_string(at.offset) + " = " + std::to_string(bits)
               : " pointer " + std::to_string(at.offset);
}

/// What oracle::schema::layout says, from our descriptions.
void add_lines(const schema_type& type, const std::string& prefix, const schema_type& around,
               std::size_t& place, std::vector<std::string>& out) {
    const auto single = type.kind == type_kind::optional || type.kind == type_kind::owned;
    for (std::uint32_t i = 0; i < (single ? 1 : type.members.size()); ++i) {
        const schema_type& field = single ? type : type.members[i]();
        const std::string name = prefix + wire::detail::camel_case(single ? "value"
                                                                   : type.kind == type_kind::map
                                                                       ? (i == 0 ? "key" : "value")
                                                                       : nth_name(type.fields, i),
                                                                   false);
        if (field.kind == type_kind::group) {
            add_lines(field, name + ".", around, place, out);
            continue;
        }
        const auto& at = around.places[place];
        const std::uint64_t bits = around.defaults()[place];
        ++place;
        if (field.kind == type_kind::optional) {
            out.push_back(name + ".tag " + std::to_string(at.tag));
            out.push_back(name + ".none void");
            out.push_back(name + ".some" + place_text(field.members[0](), at, 0));
        } else {
            out.push_back(name + place_text(field, at, bits));
        }
    }
}

std::vector<std::string> our_layout(const schema_type& type) {
    std::vector<std::string> out;
    if (type.kind == type_kind::variant) {
        const auto names = wire::detail::alternative_names(type);
        for (std::size_t i = 0; i < names.size(); ++i)
            out.push_back(names[i] + place_text(type.members[i](), type.places[i], 0));
        if (names.size() > 1)
            out.push_back("tag " + std::to_string(type.discriminant));
    } else {
        std::size_t place = 0;
        add_lines(type, "", type, place, out);
    }
    out.push_back("size " + std::to_string(type.data_words) + " " +
                  std::to_string(type.pointer_count));
    std::sort(out.begin(), out.end());
    return out;
}

std::vector<std::string> sorted(std::vector<std::string> lines) {
    std::sort(lines.begin(), lines.end());
    return lines;
}

std::vector<std::string> changes(std::string old, const std::string& from, const std::string& to) {
    const std::string now = wire::lock_text(roots());
    if (!from.empty()) {
        const std::size_t at = old.find(from);
        REQUIRE(at != std::string::npos);
        old.replace(at, from.size(), to);
    }
    return wire::check_lock(old, now);
}

} // namespace

TEST_CASE("capnp compile accepts the printed schema", "[wire]") {
    char folder[] = "/tmp/equus-schema-XXXXXX";
    REQUIRE(mkdtemp(folder) != nullptr);
    const std::string path = std::string{folder} + "/printed.capnp";
    std::ofstream{path} << wire::schema_text(wire::schema_id("test"), roots(), protocols());
    const int status = std::system(("capnp compile -o- " + path + " > /dev/null").c_str());
    std::remove(path.c_str());
    std::remove(folder);
    REQUIRE(status == 0);
}

TEST_CASE("every printed struct has our layout and our defaults", "[wire]") {
    const model all{roots(), protocols()};
    std::size_t compared = 0;
    for (const model::node& node : all.nodes) {
        if (node.type == nullptr || node.kind == model::node_kind::enumeration ||
            node.kind == model::node_kind::interface)
            continue;
        std::string path = node.name;
        for (std::size_t at = node.parent; at != model::none; at = all.nodes[at].parent)
            path = all.nodes[at].name + "." + path;
        INFO(path);
        REQUIRE(sorted(printed().layout(path)) == our_layout(*node.type));
        ++compared;
    }
    REQUIRE(compared > 30);
}

TEST_CASE("the printed schema has the layout of the one written by hand", "[wire]") {
    for (const char* name : {"Scalars", "Defaults", "Lists", "Arrays", "Keyed", "Choices", "Tree",
                             "Identities", "Everything", "References", "Version1", "Version2"}) {
        INFO(name);
        REQUIRE(printed().layout(name) == by_hand().layout(name));
    }
}

TEST_CASE("libcapnp reads the same defaults out of the printed schema as we have", "[wire]") {
    REQUIRE(printed().equal("Defaults", framed(shop::defaults{}),
                            printed().build_framed("Defaults", "()", 99)));
    REQUIRE(printed().equal("Awkward", framed(shop::awkward{}),
                            printed().build_framed("Awkward", "()", 99)));
    // And what is set arrives under its printed name.
    REQUIRE(
        wire::decode<shop::awkward>(printed().build("Awkward", "(someValue2 = 4)"))->some_value_2 ==
        4);
}

TEST_CASE("names come from the types and do not depend on the compiler", "[wire]") {
    REQUIRE(wire::schema_name(wire::schema_of<shop::point>()) == "shop.point");
    REQUIRE(wire::schema_name(wire::schema_of<shop::stream_handle>()) == "shop.stream_handle");
    REQUIRE(wire::schema_name(wire::schema_of<shop::boxed<std::uint64_t>>()) == "shop.boxedUInt64");
    REQUIRE(wire::schema_name(wire::schema_of<shop::boxed<shop::other::point>>()) ==
            "shop.boxedPoint");
    REQUIRE(wire::schema_name(wire::schema_of<stream_id>()) == "equus.owned_id");
    const std::string text = wire::schema_text(wire::schema_id("test"), roots(), protocols());
    REQUIRE(text.find("struct ShopPoint @") != text.npos);
    REQUIRE(text.find("struct ShopOtherPoint @") != text.npos);
    REQUIRE(text.find("struct BoxedUInt64 @") != text.npos);
    REQUIRE(text.find("struct ShopList @") != text.npos);
    REQUIRE(text.find("interface ShopListProtocol @") != text.npos);
    REQUIRE(text.find("struct TextType @") != text.npos);
    // Ids are for ever: a changed hash would be another schema.
    REQUIRE(wire::schema_id("shop.point") == (stable_hash("shop.point") | 1ull << 63));
    REQUIRE(stable_hash("") == 0xcbf29ce484222325u);
    REQUIRE(stable_hash("a") == 0xaf63dc4c8601ec8cu);
}

TEST_CASE("a protocol is an interface, whose messages keep their ordinals", "[wire]") {
    const std::string text = wire::schema_text(wire::schema_id("test"), {}, protocols());
    REQUIRE(text.find("interface Moving @") != text.npos);
    REQUIRE(text.find("  point @0 ShopPoint -> ();\n  point1 @1 ShopOtherPoint -> Version2;\n") !=
            text.npos);
    const std::string lock = wire::lock_text({}, protocols());
    const std::string moving =
        "protocol shop.moving\n  0 shop.point\n  1 shop.other.point -> shop.version2\n";
    const std::size_t at = lock.find(moving);
    REQUIRE(at != lock.npos);
    const auto changed = [&](const std::string& to) {
        std::string old = lock;
        return wire::check_lock(old.replace(at, moving.size(), to), lock);
    };
    REQUIRE(changed("protocol shop.moving\n  0 shop.point\n").empty());
    REQUIRE(changed("").empty());
    REQUIRE(changed("protocol shop.moving\n  0 shop.other.point\n").size() == 1);
    REQUIRE(changed("protocol shop.moving\n  0 shop.point -> shop.point\n") ==
            std::vector<std::string>{"protocol shop.moving: message 0 'shop.point' was answered by "
                                     "'shop.point' and is now one-way"});
    REQUIRE(changed("protocol shop.resting\n  0 shop.point\n") ==
            std::vector<std::string>{"protocol shop.resting was removed"});
    // A struct of the same name is another thing.
    REQUIRE(wire::check_lock("equus lock 1\nstruct shop.moving\n  0 a bool\n", lock) ==
            std::vector<std::string>{"struct shop.moving was removed"});
}

TEST_CASE("a lock accepts what was appended, and nothing else", "[wire]") {
    const std::string lock = wire::lock_text(roots());
    REQUIRE(changes(lock, "", "").empty());
    // The older program did not have the last field, the enumerator, the struct, the alternative.
    REQUIRE(changes(lock, "  5 author text = \"somebody\"\n", "").empty());
    REQUIRE(changes(lock, "  2 dark_blue\n", "").empty());
    REQUIRE(changes(lock, "  5 float64 float64\n", "").empty());

    REQUIRE(changes(lock, "  0 x int32\n  1 y int32\n", "  0 y int32\n  1 x int32\n").size() == 2);
    REQUIRE(
        changes(lock, "  0 id uint32", "  0 id uint64") ==
        std::vector<std::string>{"shop.version1: field 0 'id' was 'uint64' and is now 'uint32'"});
    REQUIRE(changes(lock, "uint64 = 77", "uint64") ==
            std::vector<std::string>{
                "shop.version2: field 4 'stamp' was 'uint64' and is now 'uint64 = 77'"});
    REQUIRE(changes(lock, "  2 dark_blue\n", "  2 dark_blue\n  3 pink\n") ==
            std::vector<std::string>{"shop.color: enumerator 3 'pink' was removed: append only"});
    REQUIRE(changes(lock, "enum shop.color\n", "enum shop.gone\n  0 a\nenum shop.color\n") ==
            std::vector<std::string>{"enum shop.gone was removed"});
    REQUIRE(changes(lock, "struct shop.awkward\n", "union shop.awkward\n").size() == 1);
    REQUIRE(wire::check_lock("nonsense", lock).size() == 1);
    REQUIRE(wire::check_lock("equus lock 1\n  0 a b\n", lock).size() == 1);
    REQUIRE(wire::check_lock("equus lock 1\nstruct a\n  x y z\n", lock).size() == 1);
}

TEST_CASE("an encoded message can be looked at without its type", "[wire]") {
    shop::choices c;
    c.flag = true;
    c.at = shop::point{1, -2};
    c.what = std::string{"\"hi\"\n"};
    c.maybe = {std::nullopt, 5};
    c.mixed = std::map<std::uint8_t, bool>{{3, true}};
    const auto& type = wire::schema_of<shop::choices>();
    REQUIRE(wire::to_json(type, encoded(c)).value() ==
            "{\"flag\": true, \"number\": null, \"text\": null, \"at\": {\"x\": 1, \"y\": -2}, "
            "\"what\": {\"text\": \"\\\"hi\\\"\\u000a\"}, \"maybe\": [null, 5], \"many\": [], "
            "\"perhaps\": null, \"growing\": {\"uint8\": 0}, \"mixed\": {\"map\": [{\"key\": 3, "
            "\"value\": true}]}, \"twice\": null, \"present\": null, \"only\": {\"float32\": 0}}");
    shop::identities i;
    i.stream.owner.node = node_id{7};
    const std::string json = wire::to_json(wire::schema_of<shop::identities>(), encoded(i)).value();
    REQUIRE(json.find("\"stream\": {\"owner\": {\"node\": 7, ") != json.npos);
    REQUIRE(wire::to_json(type, oracle::byte_string(5)).error() == errc::malformed);
}

TEST_CASE("looking at mutated messages ends in text or a refusal", "[wire]") {
    for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
        generator::random_source from{seed};
        auto bytes = encoded(generator::make<shop::everything>(seed % 20));
        for (std::size_t flips = from.below(4); flips > 0; --flips)
            bytes[from.below(bytes.size())] = static_cast<std::byte>(from.bits());
        const auto json = wire::to_json(wire::schema_of<shop::everything>(), bytes);
        REQUIRE((json ? !json->empty() : json.error() == errc::malformed));
    }
}
