#include "simulated_shop.hpp"

#include "print_shop_rdc.hpp"
#include "shop.hpp"
#include "simulated_disc.hpp"
#include "simulated_queue.hpp"

#include <equus/host/configuration.hpp>
#include <equus/services/standard.hpp>

#include <algorithm>
#include <charconv>
#include <functional>
#include <memory>
#include <sstream>

namespace doc {

using namespace equus;
using namespace equus::literals;

namespace {

constexpr std::uint32_t nodes = 4;
constexpr const char* in_folder = "/documents";
constexpr const char* out_folder = "/out";
constexpr const char* queue_uri = "ipp://print.example/printers/simulated";

// ---- the typesetter: a page is some of the words, a book its pages one after the other

std::vector<std::string> words_of(std::string_view text) {
    std::istringstream in{std::string{text}};
    std::vector<std::string> words;
    for (std::string word; in >> word;)
        words.push_back(std::move(word));
    return words;
}

result<pages_set> simulated_set(const set_in_type& job, std::size_t words_a_page) {
    const std::vector<std::string> words = words_of(job.text.text());
    if (!words.empty() && words.front() == "illegible")
        return fail(errc::invalid_argument, "'" + job.name + "' cannot be read");
    pages_set out;
    std::size_t at = 0;
    do {
        std::string sheet = "\f";
        for (std::size_t n = 0; n < words_a_page && at < words.size(); ++n)
            sheet += words[at++] + " ";
        out.pages.emplace_back(std::string_view{sheet});
    } while (at < words.size());
    return out;
}

result<bound> simulated_bind(const bind_pages& job) {
    std::string book;
    for (const bytes& sheet : job.pages)
        book += sheet.text();
    return bound{bytes{std::string_view{book}}};
}

// ---- the documents

enum class fate : std::uint8_t { printed, unreadable, illegible, device_full };

struct document {
    std::string name;
    std::vector<std::string> words;
    fate ends = fate::printed;
    std::string in() const { return std::string{in_folder} + "/" + name; }
    std::string out() const { return std::string{out_folder} + "/" + name + ".pdf"; }
};

std::vector<document> draw_documents(random_sequence& draws) {
    constexpr const char* names[] = {"letter ", "letters/Γράμμα ", "essays/Die Straße ",
                                     "notes/deep/er/Blank sheet ", "L'atelier à minuit "};
    constexpr const char* extensions[] = {".md", ".txt", ".markdown"};
    constexpr std::int64_t words_max[] = {0, 30, 300, 20'000};
    std::vector<document> all(draws.chance(30) ? 1 : draws.below(24) + 1);
    const std::uint32_t troubles = draws.chance(300) ? 200 : 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
        document& each = all[i];
        each.name = names[draws.below(5)] + std::to_string(i) + extensions[draws.below(3)];
        if (draws.chance(troubles))
            each.ends = static_cast<fate>(1 + draws.below(3));
        if (each.ends == fate::illegible)
            each.words.push_back("illegible");
        const std::int64_t words = draws.between(0, words_max[draws.below(4)]);
        for (std::int64_t w = 0; w < words; ++w)
            each.words.push_back(std::to_string(i) + "." + std::to_string(w));
    }
    return all;
}

// ---- the table that the manager prints

struct table_row {
    std::string worker;
    std::uint32_t documents = 0;
    std::uint32_t pages = 0;
};

bool read_row(const std::string& line, table_row& out) {
    std::istringstream in{line};
    std::string rest;
    return static_cast<bool>(in >> out.worker >> out.documents >> out.pages) && !(in >> rest);
}

class shop_workload final : public sim::workload {
public:
    void adjust(sim::fault_mix& mix, random_sequence& draws) override;
    void start(sim::world& w) override;
    bool finished(sim::world& w) override { return w.finished() != nullptr; }
    std::string progress(sim::world& w) override { return sim::who_is_left(w); }
    std::string check(sim::world& w) override;

private:
    template <class Request, class Function>
    void takes_time(sim::world& w, std::string_view name, Function does);
    /// What the manager says of a document that is not printed; empty: nothing.
    std::string said_of(const document& which) const;
    std::size_t count(std::string_view what) const;
    bool is_given_up(const document& which) const;
    std::string check_disc() const;
    std::string check_queue() const;
    std::string check_table() const;

    std::vector<document> documents_;
    std::size_t words_a_page_ = 1;
    duration setting_max_{0};
    simulated_disc disc_{50ms};
    simulated_queue queue_;
    bool on_queue_ = false; ///< otherwise into a folder
    std::string console_;
};

/// An effect that answers some time after it was asked, as a thread that works does.
template <class Request, class Function>
void shop_workload::takes_time(sim::world& w, std::string_view name, Function does) {
    const auto draws = std::make_shared<random_sequence>(w.random(name));
    w.late_effect(std::string{name}, [this, &w, draws, does](sim::host, const bytes& request,
                                                             sim::completion done) {
        auto asked = wire::decode<Request>(request.span());
        if (!asked)
            return done(fail(std::move(asked.error())));
        auto made = does(*asked);
        result<bytes> outcome = fail(errc::unsupported);
        if (made)
            outcome = encoded(*made);
        else
            outcome = fail(std::move(made.error()));
        w.at(w.now() + draws->between(duration{1'000}, setting_max_),
             [done = std::move(done), outcome = std::move(outcome)] { done(outcome); });
    });
}

/// A few seconds are enough to print everything, so nodes are lost more often than elsewhere.
void shop_workload::adjust(sim::fault_mix& mix, random_sequence& draws) {
    if (!mix.deaths || draws.chance(300))
        return;
    mix.crash_every = draws.between(400ms, 4s);
    mix.restart_max = draws.between(10ms, 5s);
    mix.launcher_evicts = draws.chance(700);
}

void shop_workload::start(sim::world& w) {
    random_sequence draws = w.random("print_shop");
    documents_ = draw_documents(draws);
    words_a_page_ = static_cast<std::size_t>(draws.between(1, 400));
    for (const document& each : documents_) {
        // Enough pages to fill every queue, not so many that a seed takes seconds.
        words_a_page_ = std::max(words_a_page_, each.words.size() / 100 + 1);
        std::string text;
        for (const std::string& word : each.words)
            text += word + "\n";
        disc_.files[each.in()] = {std::move(text), true, 0};
        if (each.ends == fate::unreadable)
            disc_.unreadable.insert(each.in());
        if (each.ends == fate::device_full)
            disc_.unwritable.insert(each.out()), queue_.refused.insert(each.name);
    }
    disc_.files[std::string{in_folder} + "/no document.png"] = {"PNG", true, 0};
    constexpr duration setting[] = {1ms, 50ms, 2s};
    setting_max_ = setting[draws.below(3)];

    add_standard_modules(w.modules());
    add_print_shop(w.modules());
    disc_.serve(w);
    constexpr duration printing[] = {5ms, 50ms, 300ms};
    const duration printing_max = printing[draws.below(3)];
    queue_.serve(w, printing_max, draws.chance(500) ? 100 : 0);
    on_queue_ = draws.chance(400);
    takes_time<set_in_type>(w, set_effect, [this](const set_in_type& job) {
        return simulated_set(job, words_a_page_);
    });
    takes_time<bind_pages>(w, bind_effect, simulated_bind);
    w.effect<console::write>(std::string{console::write_effect},
                             [this](sim::host, console::write said) -> result<console::written> {
                                 console_ += said.text;
                                 return console::written{};
                             });

    const std::string workers = std::to_string(draws.chance(500) ? 0 : draws.between(1, 8));
    auto shop = read_configuration("print_shop.rdc", std::string{print_shop_rdc}, w.modules(),
                                   {{"documents", in_folder},
                                    {"out", out_folder},
                                    {"device", on_queue_ ? queue_uri : ""},
                                    {"workers", workers}});
    if (!shop)
        return w.fail(shop.error().describe());
    for (std::uint32_t i = 0; i < nodes; ++i)
        w.node();
    w.run(*shop, w.modules().services());
    if (draws.chance(700)) // otherwise the faults are there from the beginning
        w.run_until([&] { return w.established() || w.finished() != nullptr; }, 60s);
}

std::string shop_workload::said_of(const document& which) const {
    const std::string begin = "not printed: " + which.name + ": ";
    const auto at = console_.find(begin);
    return at == std::string::npos ? std::string{}
                                   : console_.substr(at, console_.find('\n', at) - at);
}

/// How often the manager says that.
std::size_t shop_workload::count(std::string_view what) const {
    std::size_t times = 0;
    for (auto at = console_.find(what); at != std::string::npos; at = console_.find(what, at + 1))
        ++times;
    return times;
}

/// Whether that many workers were lost that the scheduler may have given it up; it may be printed
/// all the same, by one that was thought lost with it.
bool shop_workload::is_given_up(const document& which) const {
    return said_of(which).ends_with("every worker was lost with it") && count("lost: worker") >= 8;
}

std::string shop_workload::check(sim::world& w) {
    if (std::string left = sim::what_is_not_at_rest(w); !left.empty())
        return left;
    const launching::progress& end = *w.finished();
    if (end.reason != errc::ok) {
        // Who cannot reach the nodes says so and leaves nothing behind.
        if (w.established())
            return "the computation was cut off: " + end.text;
        return end.text.empty() ? "it was not established, and nobody says why" : "";
    }
    const bool all_are_printed =
        std::all_of(documents_.begin(), documents_.end(),
                    [this](const document& each) { return said_of(each).empty(); });
    const std::int32_t wanted = all_are_printed ? 0 : 1;
    if (end.result != wanted)
        return "the result is " + std::to_string(end.result) + ", not " + std::to_string(wanted);
    std::string wrong = check_disc();
    if (wrong.empty())
        wrong = check_queue();
    return wrong.empty() ? check_table() : wrong;
}

/// Every document is there once, or the table says why it is not. A spooler that took the place of
/// a lost one may write a document once more; nobody sees that in the folder.
std::string shop_workload::check_disc() const {
    std::size_t expected = documents_.size() + 1; // and the one that is no document
    for (const document& each : documents_) {
        const auto found = disc_.files.find(each.out());
        const std::string said = said_of(each);
        if (is_given_up(each)) {
            expected += found != disc_.files.end() ? 1 : 0;
            continue;
        }
        if (on_queue_) {
            if (found != disc_.files.end())
                return "'" + each.name + "' does not belong into the folder, and is there";
            if (said.empty() != (each.ends == fate::printed))
                return "the table is wrong about '" + each.name + "': " + said;
            continue;
        }
        if (found == disc_.files.end()) {
            if (said.empty())
                return "'" + each.name + "' is lost, and nobody says why";
            if (each.ends == fate::printed)
                return "'" + each.name + "' could have been printed: " + said;
            continue;
        }
        ++expected;
        if (each.ends != fate::printed)
            return "'" + each.name + "' cannot be printed, and was";
        if (!said.empty())
            return "'" + each.name + "' was printed, and the table denies it: " + said;
        if (found->second.renamed > 1 + count("lost: spooler"))
            return "'" + each.name + "' was printed " + std::to_string(found->second.renamed) +
                   " times";
        if (words_of(found->second.text) != each.words)
            return "the words of '" + each.name + "' are not those of its document";
    }
    for (const auto& [path, each] : disc_.files)
        if (!each.whole)
            return "half of '" + path + "' is left";
    return disc_.files.size() == expected ? "" : "there are files that nobody asked for";
}

/// What is on paper, not what jobs there are: one that is held for ever harms nobody.
std::string shop_workload::check_queue() const {
    std::size_t expected = 0;
    std::size_t on_paper = 0;
    for (const document& each : documents_) {
        const bool printed = each.ends == fate::printed && on_queue_;
        expected += printed ? 1 : 0;
        std::size_t times = 0;
        for (const simulated_queue::job& job : queue_.jobs) {
            if (job.phase == job_phase::going)
                return "'" + job.name + "' is still printed after the end";
            if (job.phase != job_phase::completed || job.name != each.name)
                continue;
            ++times;
            ++on_paper;
            if (words_of(job.text) != each.words)
                return "the words of '" + each.name + "' on paper are not those of its document";
        }
        if (is_given_up(each) && times <= 1)
            expected -= times == 0 ? 1 : 0;
        else if (times != (printed ? 1u : 0u))
            return "'" + each.name + "' is on paper " + std::to_string(times) + " times";
    }
    return on_paper == expected ? "" : "there is paper that nobody asked for";
}

std::string shop_workload::check_table() const {
    table_row printed{"all", 0, 0};
    for (const document& each : documents_) {
        if (!said_of(each).empty())
            continue;
        ++printed.documents;
        const std::size_t pages = (each.words.size() + words_a_page_ - 1) / words_a_page_;
        printed.pages += static_cast<std::uint32_t>(std::max<std::size_t>(pages, 1));
    }
    table_row sum, all;
    std::istringstream lines{console_};
    for (std::string line; std::getline(lines, line);) {
        table_row row;
        if (line.starts_with("not printed: ") || !read_row(line, row))
            continue;
        if (row.worker == "all") {
            all = row;
        } else {
            sum.documents += row.documents;
            sum.pages += row.pages;
        }
    }
    for (const table_row& each : {sum, all})
        if (each.documents != printed.documents || each.pages != printed.pages)
            return "the table does not say " + std::to_string(printed.documents) +
                   " documents and " + std::to_string(printed.pages) + " pages:\n" + console_;
    if (console_.find("lost 0, duplicated 0\n") == std::string::npos)
        return "the table speaks of losses:\n" + console_;
    return {};
}

} // namespace

sim::scenario simulated_shop() {
    return {"print_shop", "the documents of a print shop on four nodes, each printed once",
            [] { return std::make_unique<shop_workload>(); }};
}

} // namespace doc
