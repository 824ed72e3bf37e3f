"""The page of results: one table a section, and at the end what was to be shown beside what was seen."""
import statistics


def number(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def load_rows(section):
    """Rows of a contest in requests per CPU second: best first, with the cost of one request."""
    def middle(runs, of):
        return statistics.median(of(run) for run in runs)

    def figure(runs):
        return middle(runs, lambda r: r["requests"] / r["cpu"])

    rows = ["| server | requests per CPU second (range) | µs of CPU a request: user + system | requests a second |", "| --- | --- | --- | --- |"]
    for name, runs in sorted(section["runs"].items(), key=lambda item: -figure(item[1])):
        each = [r["requests"] / r["cpu"] for r in runs]
        rows.append(f"| {name} | **{number(figure(runs))}** ({number(min(each))}–{number(max(each))}) | "
                    f"{middle(runs, lambda r: r['cpu'] / r['requests'] * 1e6):.2f}: "
                    f"{middle(runs, lambda r: r['user'] / r['requests'] * 1e6):.2f} + "
                    f"{middle(runs, lambda r: r['system'] / r['requests'] * 1e6):.2f} | "
                    f"{number(middle(runs, lambda r: r['requests'] / r['seconds']))} |")
    return rows


def plain_rows(section):
    """Rows a section made itself: `columns`, then `rows` of texts."""
    return ["| " + " | ".join(section["columns"]) + " |", "|" + " --- |" * len(section["columns"]),
            *["| " + " | ".join(map(str, row)) + " |" for row in section["rows"]]]


def verdict_rows(results):
    rows = ["| what | ours | against | seen (range) | target | holds |", "| --- | --- | --- | --- | --- | --- |"]
    for section in results.values():
        for v in section.get("verdicts", []):
            if "ratio" in v:
                seen, target = f"{v['ratio']:.2f}× ({v['low']:.2f}–{v['high']:.2f})", f"≥ {v['factor']:.2f}×"
            else:
                seen, target = v["seen"], v["target"]
            rows.append(f"| {section['title']} | {v['ours']} | {v['rival']} | {seen} | {target} | {'yes' if v['holds'] else '**no**'} |")
    return rows


def page(results, machine, versions):
    """Markdown of all sections; each says when and on which commit it was taken where they differ."""
    lines = ["# yz-edge beside its peers", "",
             f"Machine: {machine}. " + ", ".join(f"{name} {version}" for name, version in versions.items()) + ".", "",
             "Taken by `./dev bench edge`; `bench/README.md` says how, and how to read it. One worker or thread each, on a core of its own "
             "where there are two; load and origin on the other. A ratio is taken run by run between neighbours in time; given is its median.", ""]
    for key, section in results.items():
        lines += [f"## {section['title']}", "", f"Section `{key}`, commit {section['commit']}, {section['date']}. {section.get('note', '')}".rstrip(), ""]
        lines += load_rows(section) if "runs" in section and "columns" not in section else plain_rows(section)
        lines.append("")
    lines += ["## What was to be shown", "", *verdict_rows(results), ""]
    return "\n".join(lines)
