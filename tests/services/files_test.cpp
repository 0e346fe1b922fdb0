#include "stage.hpp"

#include <equus/services/files.hpp>

using namespace equus;
using namespace equus::test;

namespace {

/// Files in memory, and what was asked of them in order.
struct files_model {
    std::map<std::string, bytes> files;
    std::vector<std::string> log;
    std::string fails; ///< the effect that says the disc is full

    result<bytes> operator()(std::string_view name, bytes request) {
        if (name == fails)
            return fail(errc::io_failed, "no space left on device");
        if (name == files::list_effect) {
            files::listing told;
            for (const auto& [path, data] : files)
                told.items.push_back(
                    {path.rfind("out/", 0) == 0 ? path.substr(4) : path, false, data.size()});
            return stage::encoded(told);
        }
        if (name == files::read_effect) {
            auto asked = wire::decode<files::read>(request.span());
            const auto found = files.find(asked->path);
            if (found == files.end())
                return fail(errc::not_found, asked->path);
            files::content told;
            told.data = found->second;
            told.file_bytes = found->second.size();
            return stage::encoded(told);
        }
        if (name == files::store_effect) {
            auto asked = wire::decode<files::store>(request.span());
            log.push_back("store " + asked->path);
            files::written told;
            told.file_bytes = asked->data.size();
            files[asked->path] = std::move(asked->data);
            return stage::encoded(told);
        }
        if (name == files::rename_effect) {
            auto asked = wire::decode<files::rename>(request.span());
            log.push_back("rename to " + asked->to);
            files[asked->to] = std::move(files[asked->from]);
            files.erase(asked->from);
            return stage::encoded(files::done{});
        }
        if (name == files::remove_effect) {
            auto asked = wire::decode<files::remove>(request.span());
            log.push_back("remove " + asked->path);
            files::done told;
            told.existed = files.erase(asked->path) != 0;
            return stage::encoded(told);
        }
        return fail(errc::unsupported);
    }
};

/// An actor with a stream to the node's files.
class clerk : public incarnation<clerk> {
public:
    stream<files::filing> files{*this, "files"};
    task_group children;
    task<> main();
};

using clerk_part = task<> (*)(clerk& self);
clerk_part clerks_part = nullptr;

task<> clerk::main() {
    co_await clerks_part(*this);
}

struct office {
    explicit office(clerk_part what) : on{cast(), configuration(), 1, false} {
        the_play.clear();
        clerks_part = what;
        on.more_effects = [this](std::string_view name, bytes request) {
            return model(name, std::move(request));
        };
    }
    static const module_table& cast() {
        static const module_table modules = [] {
            module_table made;
            add_standard_modules(made);
            made.add<clerk>("test.clerk");
            return made;
        }();
        return modules;
    }
    static rdc configuration() {
        return rdc_builder{"office", 1}
            .add(incarnation_builder{"clerk", "test.clerk"}.primary().stream("files",
                                                                             "system.files"))
            .build();
    }
    files_model model;
    stage on;
};

} // namespace

TEST_CASE("a file is written under another name beside it and then renamed", "[K5]") {
    office here{[](clerk& self) -> task<> {
        auto done = co_await self.files.invoke<files::write>("out/a.pdf", bytes{"body"});
        REQUIRE(done);
        say(std::to_string(done->file_bytes));
        auto back = co_await self.files.invoke<files::read>("out/a.pdf");
        REQUIRE(back);
        say(std::string{back->data.text()});
        auto listed = co_await self.files.invoke<files::list>("out");
        REQUIRE(listed);
        say(std::to_string(listed->items.size()));
        auto gone = co_await self.files.invoke<files::remove>("out/a.pdf");
        REQUIRE(gone);
        auto missing = co_await self.files.invoke<files::read>("out/a.pdf");
        say(std::string{name_of(missing.error().code())});
    }};
    here.on.run();
    CHECK(the_play.lines == std::vector<std::string>{"4", "body", "1", "not_found"});
    REQUIRE(here.model.log.size() == 3);
    CHECK(here.model.log[0].rfind("store out/.a.pdf.partial-", 0) == 0);
    CHECK(here.model.log[1] == "rename to out/a.pdf");
}

TEST_CASE("what a lost node of this run was writing is removed, and nothing else", "[K5]") {
    office here{[](clerk& self) -> task<> {
        auto done = co_await self.files.invoke<files::tidy>("out");
        REQUIRE(done);
        say(std::to_string(done->removed));
    }};
    // Run 1 is the test's, and node 1 in its life 1 is alive. The model lists relative paths.
    for (const char* name :
         {"out/a/.b.pdf.partial-1-2-3-4", "out/.c.partial-1-7-7-1", "out/.d.partial-1-1-1-5",
          "out/.e.partial-2-2-3-4", "out/.f.partial-1-2-3", "out/.g.partial-1-2-x-1",
          "out/h.partial-1-2-3-4", "out/.partial-", "out/i.pdf"})
        here.model.files[name] = bytes{"half"};
    here.on.run();
    CHECK(the_play.lines == std::vector<std::string>{"2"});
    CHECK(here.model.files.size() == 7);
    CHECK(here.model.files.count("out/a/.b.pdf.partial-1-2-3-4") == 0);
    CHECK(here.model.files.count("out/.c.partial-1-7-7-1") == 0);
}

TEST_CASE("a write that fails leaves what was there, and nothing beside it", "[K5]") {
    office here{[](clerk& self) -> task<> {
        auto done = co_await self.files.invoke<files::write>("a.pdf", bytes{"new"});
        REQUIRE_FALSE(done);
        say(std::string{name_of(done.error().code())});
        say(done.error().describe());
    }};
    here.model.files["a.pdf"] = bytes{"old"};
    here.model.fails = GENERATE(files::store_effect, files::rename_effect);
    here.on.run();
    REQUIRE(the_play.lines.size() == 2);
    CHECK(the_play.lines[0] == "io_failed");
    CHECK(the_play.lines[1].find("no space left on device") != std::string::npos);
    REQUIRE(here.model.files.size() == 1);
    CHECK(here.model.files["a.pdf"].text() == "old");
}

TEST_CASE("a path that names no file is refused", "[K5]") {
    office here{[](clerk& self) -> task<> {
        auto folder = co_await self.files.invoke<files::write>("out/", bytes{"x"});
        say(std::string{name_of(folder.error().code())});
        auto nothing = co_await self.files.invoke<files::write>("", bytes{"x"});
        say(std::string{name_of(nothing.error().code())});
    }};
    here.on.run();
    CHECK(the_play.lines == std::vector<std::string>{"invalid_argument", "invalid_argument"});
    CHECK(here.model.log.empty());
}

namespace {
task<> list_and_say(clerk* self) {
    auto listed = co_await self->files.invoke<files::list>("slow").within(std::chrono::hours{1});
    say(listed ? "listed" : std::string{name_of(listed.error().code())});
}
} // namespace

TEST_CASE("a slow request delays no other one", "[K5]") {
    office here{[](clerk& self) -> task<> {
        self.children.start(list_and_say(&self));
        co_await sleep(1ms);
        auto read = co_await self.files.invoke<files::read>("a.pdf");
        REQUIRE(read);
        say("read");
        co_await sleep(1h);
    }};
    here.model.files["a.pdf"] = bytes{"old"};
    here.on.held.insert(std::string{files::list_effect});
    here.on.run();
    here.on.net.advance(1s);
    CHECK(the_play.lines == std::vector<std::string>{"read"});
}
