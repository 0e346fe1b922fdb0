#include "words.hpp"

#include <cmark.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <utility>

extern char** environ;

namespace doc::check {

namespace {

/// UTF-8 of the white space beyond ASCII: U+0085, 00A0, 1680, 2000-200A, 2028, 2029, 202F, 205F,
/// 3000.
std::size_t space_at(std::string_view text) {
    if (text.empty())
        return 0;
    if (text[0] == ' ' || (text[0] >= '\t' && text[0] <= '\r'))
        return 1;
    if (text.starts_with("\xC2\x85") || text.starts_with("\xC2\xA0"))
        return 2;
    if (text.starts_with("\xE1\x9A\x80") || text.starts_with("\xE2\x81\x9F") ||
        text.starts_with("\xE3\x80\x80"))
        return 3;
    if (!text.starts_with("\xE2\x80") || text.size() < 3)
        return 0;
    const auto last = static_cast<unsigned char>(text[2]);
    const bool space =
        (last >= 0x80 && last <= 0x8A) || last == 0xA8 || last == 0xA9 || last == 0xAF;
    return space ? 3 : 0;
}

/// Soft hyphen, zero-width space and joiners, word joiner, byte order mark, grapheme joiner.
std::size_t invisible_at(std::string_view text) {
    for (const std::string_view letter : {"\xC2\xAD", "\xCD\x8F", "\xE2\x80\x8B", "\xE2\x80\x8C",
                                          "\xE2\x80\x8D", "\xE2\x81\xA0", "\xEF\xBB\xBF"})
        if (text.starts_with(letter))
            return letter.size();
    return 0;
}

/// U+200E, 200F, 202A-202E.
std::size_t directional_mark_at(std::string_view text) {
    if (!text.starts_with("\xE2\x80") || text.size() < 3)
        return 0;
    const auto last = static_cast<unsigned char>(text[2]);
    return last == 0x8E || last == 0x8F || (last >= 0xAA && last <= 0xAE) ? 3 : 0;
}

bool is_visible(std::string_view word) {
    while (!word.empty()) {
        const std::size_t size = invisible_at(word);
        if (size == 0)
            return true;
        word.remove_prefix(size);
    }
    return false;
}

/// All text of the parsed document, with a line end where a block or a line ends.
std::string text_of_markdown(std::string_view text) {
    const std::unique_ptr<cmark_node, void (*)(cmark_node*)> root{
        cmark_parse_document(text.data(), text.size(), CMARK_OPT_DEFAULT), cmark_node_free};
    const std::unique_ptr<cmark_iter, void (*)(cmark_iter*)> events{cmark_iter_new(root.get()),
                                                                    cmark_iter_free};
    std::string all;
    while (cmark_iter_next(events.get()) != CMARK_EVENT_DONE) {
        cmark_node* node = cmark_iter_get_node(events.get());
        const cmark_node_type type = cmark_node_get_type(node);
        if (const char* literal = cmark_node_get_literal(node))
            all += literal;
        const bool is_inline = type >= CMARK_NODE_FIRST_INLINE;
        if (!is_inline || type == CMARK_NODE_SOFTBREAK || type == CMARK_NODE_LINEBREAK)
            all += '\n';
    }
    return all;
}

struct closing {
    int descriptor = -1;
    ~closing() {
        if (descriptor >= 0)
            close(descriptor);
    }
};

equus::result<std::string> run_pdftotext(const std::filesystem::path& pdf) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        return equus::fail(equus::errc::io_failed, "pipe");
    const closing reading{ends[0]};
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, ends[1], STDOUT_FILENO);
    std::string path = std::filesystem::absolute(pdf).string(); // never taken for an option
    std::string words[] = {"pdftotext", "-q", "-raw", "-enc", "UTF-8", path, "-"};
    std::array<char*, 8> arguments{};
    std::transform(std::begin(words), std::end(words), arguments.begin(),
                   [](std::string& word) { return word.data(); });
    pid_t child = 0;
    const int spawned =
        posix_spawnp(&child, "pdftotext", &files, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&files);
    close(ends[1]);
    if (spawned != 0)
        return equus::fail(equus::errc::not_found, "cannot run pdftotext (package poppler-utils)");
    std::string text;
    std::array<char, 65536> part;
    for (ssize_t size = 0; (size = read(reading.descriptor, part.data(), part.size())) > 0;)
        text.append(part.data(), static_cast<std::size_t>(size));
    int status = 0;
    waitpid(child, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return equus::fail(equus::errc::io_failed, "pdftotext cannot read " + pdf.string());
    return text;
}

} // namespace

bool is_text(std::string_view bytes) {
    for (std::size_t at = 0; at < bytes.size();) {
        const auto lead = static_cast<unsigned char>(bytes[at]);
        const std::size_t tails = lead < 0x80 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
        if (lead == 0 || (lead >= 0x80 && lead < 0xC2) || lead > 0xF4 || at + tails >= bytes.size())
            return false;
        unsigned letter = tails == 0 ? lead : lead & (0x3FU >> tails);
        for (std::size_t i = 1; i <= tails; ++i) {
            const auto tail = static_cast<unsigned char>(bytes[at + i]);
            if (tail >> 6 != 2)
                return false;
            letter = letter << 6 | (tail & 0x3FU);
        }
        const bool overlong = (tails == 2 && letter < 0x800) || (tails == 3 && letter < 0x10000);
        if (overlong || (letter >= 0xD800 && letter < 0xE000) || letter > 0x10FFFF)
            return false;
        at += tails + 1;
    }
    return true;
}

words words_of_text(std::string_view text) {
    words all;
    std::string word;
    const auto end_word = [&] {
        if (is_visible(word))
            all.push_back(word);
        word.clear();
    };
    while (!text.empty()) {
        std::size_t size = space_at(text);
        if (size > 0) {
            end_word();
        } else if ((size = directional_mark_at(text)) == 0) {
            size = 1;
            word += text[0];
        }
        text.remove_prefix(size);
    }
    end_word();
    return all;
}

equus::result<words> words_of_document(std::string_view name, std::string_view text) {
    if (text.starts_with("\xEF\xBB\xBF"))
        text.remove_prefix(3);
    std::string lower{name};
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (lower.ends_with(".txt"))
        return words_of_text(text);
    if (lower.ends_with(".md") || lower.ends_with(".markdown"))
        return words_of_text(text_of_markdown(text));
    return equus::fail(equus::errc::unsupported, std::string{name} + ": not a document");
}

equus::result<words> words_of_pdf(const std::filesystem::path& pdf) {
    auto text = run_pdftotext(pdf);
    if (!text)
        return equus::fail(std::move(text.error()));
    words all;
    std::size_t page = 0;
    for (std::string_view rest = *text; !rest.empty();) {
        const std::size_t end = rest.find('\f');
        std::string_view lines = rest.substr(0, end);
        rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
        ++page;
        while (lines.ends_with('\n'))
            lines.remove_suffix(1);
        const std::size_t last = lines.rfind('\n');
        const std::string_view number = last == lines.npos ? lines : lines.substr(last + 1);
        if (number != std::to_string(page))
            return equus::fail(equus::errc::malformed, "page " + std::to_string(page) +
                                                           " ends with '" + std::string{number} +
                                                           "', not with its number");
        lines.remove_suffix(number.size());
        for (std::string& word : words_of_text(lines))
            all.push_back(std::move(word));
    }
    return all;
}

std::string first_difference(const words& expected, const words& found) {
    const auto [e, f] = std::mismatch(expected.begin(), expected.end(), found.begin(), found.end());
    if (e == expected.end() && f == found.end())
        return {};
    const auto quoted = [](auto at, auto end) {
        if (at == end)
            return std::string{"the end"};
        return "'" + (at->size() > 80
                          ? at->substr(0, 80) + "...' (" + std::to_string(at->size()) + " bytes)"
                          : *at + "'");
    };
    return "word " + std::to_string(e - expected.begin() + 1) + " of " +
           std::to_string(expected.size()) + ": expected " + quoted(e, expected.end()) +
           ", found " + quoted(f, found.end());
}

} // namespace doc::check
