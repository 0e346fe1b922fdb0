#include "simulated_disc.hpp"

#include <equus/host/effects.hpp>

#include <algorithm>
#include <memory>

namespace doc {

using namespace equus;

namespace {

/// The file service hides what is not finished: "letters/.name.pdf.partial-2-2-1".
bool is_temporary(const std::string& path) {
    const auto slash = path.rfind('/');
    return path.compare(slash == std::string::npos ? 0 : slash + 1, 1, ".") == 0;
}

error no_such(const std::string& path) {
    return {errc::not_found, "'" + path + "': No such file or directory"};
}

} // namespace

void simulated_disc::serve(sim::world& w) {
    w.effect<files::list>(std::string{files::list_effect},
                          [this](sim::host, files::list asked) { return list(asked); });
    w.effect<files::read>(std::string{files::read_effect},
                          [this](sim::host, files::read asked) { return read(asked); });
    w.effect<files::rename>(
        std::string{files::rename_effect},
        [this, &w](sim::host, files::rename asked) { return rename(w, asked); });
    w.effect<files::remove>(std::string{files::remove_effect},
                            [this](sim::host, files::remove asked) -> result<files::done> {
                                return files::done{files.erase(asked.path) != 0};
                            });
    const auto draws = std::make_shared<random_sequence>(w.random("disc"));
    w.late_effect(std::string{files::store_effect},
                  [this, &w, draws](sim::host, const bytes& request, sim::completion done) {
                      auto asked = wire::decode<files::store>(request.span());
                      if (!asked)
                          return done(fail(std::move(asked.error())));
                      store(w, *asked, std::move(done),
                            draws->between(duration{1'000}, writing_max_));
                  });
}

result<files::listing> simulated_disc::list(const files::list& asked) const {
    files::listing out;
    const std::string below = asked.folder + "/";
    for (const auto& [path, each] : files) {
        if (!path.starts_with(below))
            continue;
        std::string name = path.substr(below.size());
        if (asked.recursive || name.find('/') == std::string::npos)
            out.items.push_back({std::move(name), false, each.text.size()});
    }
    return out;
}

result<files::content> simulated_disc::read(const files::read& asked) const {
    const auto found = files.find(asked.path);
    if (found == files.end())
        return fail(no_such(asked.path));
    if (unreadable.contains(asked.path))
        return fail(errc::access_denied, "'" + asked.path + "': Permission denied");
    const std::string& all = found->second.text;
    const std::size_t from = std::min<std::size_t>(asked.offset, all.size());
    const std::size_t most = asked.bytes_max == 0 ? all.size() : asked.bytes_max;
    return files::content{bytes{std::string_view{all}.substr(from, most)}, all.size()};
}

void simulated_disc::store(sim::world& w, const files::store& asked, sim::completion done,
                           duration takes) {
    if (!is_temporary(asked.path)) {
        w.fail("'" + asked.path + "' is written under its final name");
        return;
    }
    const bool full = std::any_of(unwritable.begin(), unwritable.end(), [&](const auto& path) {
        const auto name = path.substr(path.rfind('/') + 1);
        return asked.path.find("." + name + ".partial") != std::string::npos;
    });
    const std::string text{asked.data.text()};
    files[asked.path] = {text.substr(0, text.size() / 2), false, 0};
    w.at(w.now() + takes, [this, path = asked.path, text, full, done = std::move(done)] {
        if (!done.wanted())
            return; // who wrote it is gone, and half a file is what it leaves
        if (full)
            return done(fail(errc::io_failed, "writing '" + path + "': No space left on device"));
        files[path] = {text, true, 0};
        done(encoded(files::written{text.size()}));
    });
}

result<files::done> simulated_disc::rename(sim::world& w, const files::rename& asked) {
    const auto from = files.find(asked.from);
    if (from == files.end())
        return fail(no_such(asked.from));
    if (!from->second.whole)
        w.fail("half of '" + asked.to + "' appears under its final name");
    file& to = files[asked.to];
    to.text = std::move(from->second.text);
    to.whole = from->second.whole;
    ++to.renamed;
    files.erase(from);
    return files::done{true};
}

} // namespace doc
