// One message for each group of field types. testdata/messages.capnp says the same by hand.
#pragma once

#include <equus/wire/codec.hpp>

#include <deque>
#include <list>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

namespace shop {

enum class color : std::uint16_t { red = 0, green = 1, dark_blue = 2 };
EQUUS_ENUM(color, red, green, dark_blue)

enum class small_enum : std::uint8_t { no = 0, yes = 1 };
EQUUS_ENUM(small_enum, no, yes)

struct empty {
    friend bool operator==(const empty&, const empty&) = default;
    EQUUS_FIELDS()
};

struct point {
    std::int32_t x = 0;
    std::int32_t y = 0;
    friend auto operator<=>(const point&, const point&) = default;
    EQUUS_FIELDS(x, y)
};

/// Fields in an order that makes holes of every size.
struct scalars {
    bool a = false;
    std::int8_t b = 0;
    std::uint16_t c = 0;
    bool d = false;
    std::int64_t e = 0;
    float f = 0;
    std::uint8_t g = 0;
    double h = 0;
    std::int32_t i = 0;
    bool j = false;
    std::uint64_t k = 0;
    std::int16_t l = 0;
    std::uint32_t m = 0;
    color n = color::red;
    std::byte o{};
    small_enum p = small_enum::no;
    EQUUS_FIELDS(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)
};

struct defaults {
    bool yes = true;
    std::int8_t small = -7;
    std::uint32_t number = 123456;
    double ratio = 2.5;
    float most = -std::numeric_limits<float>::infinity();
    color tint = color::green;
    std::string title = "hello \"you\"\n";
    equus::bytes blob{"\x01\xff"};
    std::vector<std::int32_t> numbers{1, -2, 3};
    std::vector<std::string> words{"a", "", "c"};
    point at{1, 2};
    equus::duration pause{5};
    std::vector<point> path{{1, 0}, {0, 2}};
    EQUUS_FIELDS(yes, small, number, ratio, most, tint, title, blob, numbers, words, at, pause,
                 path)
};

struct lists {
    std::vector<bool> bits;
    std::deque<bool> more_bits;
    std::vector<std::int8_t> bytes1;
    std::vector<std::uint16_t> bytes2;
    std::deque<std::uint32_t> bytes4;
    std::vector<double> bytes8;
    std::vector<std::string> texts;
    std::vector<equus::bytes> blobs;
    std::vector<point> points;
    std::list<std::vector<std::int16_t>> nested;
    std::vector<color> colors;
    std::vector<small_enum> small_enums;
    std::vector<equus::node_id> nodes;
    std::vector<std::monostate> voids;
    std::vector<empty> empties;
    EQUUS_FIELDS(bits, more_bits, bytes1, bytes2, bytes4, bytes8, texts, blobs, points, nested,
                 colors, small_enums, nodes, voids, empties)
};

struct arrays {
    std::array<std::uint8_t, 3> triple{7, 8, 9};
    std::array<float, 2> pair{};
    std::array<std::string, 2> texts{"a", "b"};
    std::array<point, 2> points{};
    EQUUS_FIELDS(triple, pair, texts, points)
};

struct keyed {
    std::map<std::string, point> by_name;
    std::set<std::int64_t> numbers;
    std::unordered_map<std::uint32_t, std::string> names;
    std::unordered_set<std::string> words;
    std::map<color, std::vector<std::uint8_t>> tints;
    std::map<std::int16_t, std::map<bool, double>> deep;
    std::set<point, std::greater<point>> descending;
    EQUUS_FIELDS(by_name, numbers, names, words, tints, deep, descending)
};

using anything = std::variant<std::monostate, bool, std::uint16_t, std::string, point, double>;

struct choices {
    std::optional<bool> flag;
    std::optional<std::uint64_t> number;
    std::optional<std::string> text;
    std::optional<point> at;
    anything what;
    std::vector<std::optional<std::int32_t>> maybe;
    std::vector<anything> many;
    std::optional<anything> perhaps;
    std::variant<std::uint8_t, std::uint32_t, bool, std::uint64_t, std::int8_t> growing;
    std::variant<bool, std::uint8_t, std::vector<bool>, std::map<std::uint8_t, bool>> mixed;
    std::optional<std::optional<std::int8_t>> twice;
    std::optional<std::monostate> present;
    std::variant<float> only;
    EQUUS_FIELDS(flag, number, text, at, what, maybe, many, perhaps, growing, mixed, twice, present,
                 only)
};

struct tree {
    std::int32_t value = -1;
    std::vector<tree> children;
    std::unique_ptr<tree> left;
    std::unique_ptr<tree> right;
    std::vector<std::unique_ptr<point>> marks;
    EQUUS_FIELDS(value, children, left, right, marks)
};

struct identities {
    equus::node_id node;
    equus::stream_id stream;
    std::vector<equus::incarnation_id> owners;
    equus::duration pause{};
    std::chrono::milliseconds coarse{};
    std::optional<equus::call_id> call;
    std::map<equus::incarnation_id, std::uint32_t> counts;
    equus::place last_seen;
    EQUUS_FIELDS(node, stream, owners, pause, coarse, call, counts, last_seen)
};

struct everything {
    scalars numbers;
    defaults initial;
    lists rows;
    keyed tables;
    choices either;
    tree root;
    identities ids;
    arrays fixed;
    EQUUS_FIELDS(numbers, initial, rows, tables, either, root, ids, fixed)
};

/// What an older and a newer program of one protocol have.
struct version1 {
    std::uint32_t id = 0;
    std::vector<std::uint16_t> codes;
    std::vector<std::string> names;
    point at;
    EQUUS_FIELDS(id, codes, names, at)
};
struct code {
    std::uint16_t value = 0;
    std::string comment = "none";
    EQUUS_FIELDS(value, comment)
};
struct named {
    std::string name;
    bool known = true;
    EQUUS_FIELDS(name, known)
};
struct point3 {
    std::int32_t x = 0;
    std::int32_t y = 0;
    std::int32_t z = 9;
    EQUUS_FIELDS(x, y, z)
};
struct version2 {
    std::uint32_t id = 0;
    std::vector<code> codes;
    std::vector<named> names;
    point3 at;
    std::uint64_t stamp = 77;
    std::string author = "somebody";
    EQUUS_FIELDS(id, codes, names, at, stamp, author)
};

/// A handle that is a reference by derivation, and one that shows its reference.
struct stream_handle : equus::reference {
    static constexpr std::string_view equus_name = "shop.stream_handle";
    using reference::reference;
    stream_handle() = default;
};
class port_handle {
public:
    friend constexpr equus::reference& equus_reference(port_handle& handle) noexcept {
        return handle.inside_;
    }

private:
    equus::reference inside_;
};

struct references {
    equus::reference plain;
    stream_handle stream;
    port_handle port;
    std::vector<equus::reference> many;
    std::optional<equus::reference> perhaps;
    std::map<std::string, stream_handle> named;
    std::variant<int, equus::reference> either;
    EQUUS_FIELDS(plain, stream, port, many, perhaps, named, either)
};

} // namespace shop
