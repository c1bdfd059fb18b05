using System.CommandLine;
using System.CommandLine.Parsing;

namespace Tuna.Cli.Hosting;

/// <summary>What is wrong with a command line, and what was probably meant.</summary>
internal static class UsageErrors
{
    /// <summary>The errors, each a line; empty when there are none.</summary>
    public static IReadOnlyList<string> Of(ParseResult parse)
    {
        if (parse.Errors.Count == 0)
            return [];
        // All else follows from a word that is not known.
        if (parse.UnmatchedTokens.Count > 0)
            return [Unknown(parse.CommandResult.Command, parse.UnmatchedTokens[0])];
        return [.. parse.Errors.Select(e => e.Message).Distinct(StringComparer.Ordinal)];
    }

    /// <summary>How the command is named from the program's name on.</summary>
    public static string NameOf(Command command)
    {
        var names = new Stack<string>();
        for (Command? c = command; c is not null and not RootCommand; c = c.Parents.OfType<Command>().FirstOrDefault())
            names.Push(c.Name);
        return string.Join(' ', names);
    }

    private static string Unknown(Command command, string word)
    {
        string name = command is RootCommand ? "tuna" : "tuna " + NameOf(command);
        if (word.StartsWith('-'))
        {
            IEnumerable<string> options =
                command.Options.Concat(command.Parents.OfType<Command>().SelectMany(p => p.Options.Where(o => o.Recursive)))
                .Where(o => !o.Hidden).SelectMany(o => o.Aliases.Prepend(o.Name)).Where(o => o.Length > 2);
            return $"{name} has no option {word}.{Suggestion.For(word, options)}";
        }

        return command.Subcommands.Count > 0
            ? $"{name} has no command '{word}'.{Suggestion.For(word, command.Subcommands.Select(c => c.Name))}"
            : $"{name} does not know what '{word}' is for: a value follows its option, and an option that takes several is repeated.";
    }
}
