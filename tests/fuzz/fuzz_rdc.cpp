// Any text: parsing and checking end, formatting keeps what was said and settles in one step, and
// an accepted configuration survives being packed.
#include "config/check.hpp"
#include "config/export_json.hpp"
#include "config/format.hpp"
#include "config/graph.hpp"
#include "config/manifests.hpp"
#include "config/pack/pack.hpp"
#include "config/tokens.hpp"

#include <equus/base/assert.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace equus;
using namespace equus::config;

std::vector<token> substance(std::string_view text) {
    std::vector<token> all = tokens_of(text);
    std::erase_if(all,
                  [](const token& t) { return t.kind == token_kind::newline || t.text == ";"; });
    return all;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 16 * 1024)
        return 0; // longer texts say nothing new
    const source from{"fuzz.rdc", std::string{reinterpret_cast<const char*>(data), size}};
    check_options options;
    options.programs = test::test_program;
    options.settings = {{"workers", "3"}};
    const checked once = check(from, options);
    const std::string rendered = to_text(once.diagnostics, &from) + to_json(once.diagnostics);
    EQUUS_ASSERT(once.value.has_value() == !any_error(once.diagnostics));
    EQUUS_ASSERT(!rendered.empty());

    diagnostics out{from};
    if (const auto formatted = format(from, out)) {
        const source again{"fuzz.rdc", *formatted};
        diagnostics none{again};
        const auto twice = format(again, none);
        EQUUS_ASSERT(twice.has_value());
        EQUUS_ASSERT(*twice == *formatted);
        EQUUS_ASSERT(substance(from.text()) == substance(*formatted));
        const checked same = check(again, options);
        EQUUS_ASSERT(same.value == once.value);
    }
    if (once.value) {
        const auto back = unpack(pack(*once.value));
        EQUUS_ASSERT(back.has_value());
        EQUUS_ASSERT(*back == *once.value);
        EQUUS_ASSERT(!graph_dot(*once.value).empty());
        EQUUS_ASSERT(!equus::config::to_json(*once.value).empty());
        EQUUS_ASSERT(!any_error(check(*once.value, test::test_program)));
    }
    return 0;
}
