#include "config/manifests.hpp"

namespace equus::test {

namespace {

constexpr auto port = interface_kind::port;
constexpr auto stream = interface_kind::stream;

manifest print_shop() {
    manifest m;
    m.program = "print_shop";
    m.version = "1.0";
    m.targets = {"x86_64-linux"};
    m.modules = {
        {"doc.manager",
         1,
         {{"reports", port, "doc.reporting"}},
         {{"workers", "0..64", "0", false}}},
        {"doc.scheduler",
         1,
         {{"tasks", port, "doc.scheduling"}, {"reports", stream, "doc.reporting", true}},
         {{"documents", "path", "", true}}},
        {"doc.worker",
         2,
         {{"tasks", stream, "doc.scheduling"},
          {"pages", stream, "doc.printing"},
          {"reports", stream, "doc.reporting", true}},
         {}},
        {"doc.spooler",
         1,
         {{"jobs", port, "doc.printing"}, {"reports", stream, "doc.reporting"}},
         {{"device", "path", "", true}}},
    };
    m.protocols = {
        {"doc.scheduling", {{"submit", 0, "receipt"}, {"take", 1, "document"}}},
        {"doc.printing", {{"page", 0, ""}, {"finish", 1, "receipt"}}},
        {"doc.reporting", {{"printed", 0, ""}}},
    };
    return m;
}

manifest laboratory() {
    manifest m;
    m.program = "laboratory";
    m.version = "0.1";
    m.modules = {
        {"lab.boss",
         1,
         {{"news", stream, "lab.news"},
          {"work", stream, "lab.work"},
          {"replies", port, "lab.work"},
          {"files", stream, "equus.files", true},
          {"spare", stream, "lab.news"}},
         {{"pause", "10ms..10s", "1s", false},
          {"title", "text", "", true},
          {"loud", "bool", "false", false}}},
        {"lab.hand",
         1,
         {{"news", port, "lab.news"}, {"work", port, "lab.work"}},
         {{"number", "1..1000", "", true}, {"sizes", "list of list of int", "", false}}},
        {"lab.device",
         1,
         {{"replies", stream, "lab.work"}, {"hand", stream, "lab.work"}},
         {{"name", "text", "", true}}},
    };
    m.protocols = {{"lab.news", {{"tick", 0, ""}, {"tock", 1, ""}}},
                   {"lab.work", {{"do_it", 0, "done"}}}};
    m.services = {{"files", "equus.files", "equus.files", "requests"},
                  {"space", "equus.space", "equus.space", "requests"}};
    return m;
}

manifest hello() {
    manifest m;
    m.program = "hello";
    m.modules = {{"hello", 1, {{"in", port, "hello.greeting"}}, {}},
                 {"hello.greeter", 1, {{"out", stream, "hello.greeting"}}, {}}};
    m.protocols = {{"hello.greeting", {{"greet", 0, "thanks"}}}};
    return m;
}

} // namespace

result<manifest> test_program(const std::string& name) {
    if (name == "print_shop" || name == "print_shop_2")
        return print_shop();
    if (name == "laboratory")
        return laboratory();
    if (name == "hello")
        return hello();
    return fail(errc::not_found, "no such program");
}

} // namespace equus::test
