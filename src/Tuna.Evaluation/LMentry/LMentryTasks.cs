using System.Collections.Frozen;
using Tuna.Data;
using Tuna.Evaluation.LMentry.Scorers;

namespace Tuna.Evaluation.LMentry;

/// <summary>The tasks of LMentry, in the official order.</summary>
public static class LMentryTasks
{
    private static readonly (string Name, ILMentryScorer Scorer)[] s_core =
    [
        ("sentence_containing", new SentenceWithWordScorer(containing: true)),
        ("sentence_not_containing", new SentenceWithWordScorer(containing: false)),
        ("word_containing", new WordWithLetterScorer()),
        ("word_not_containing", new WordWithoutLetterScorer()),
        ("most_associated_word", new AssociatedWordScorer(most: true)),
        ("least_associated_word", new AssociatedWordScorer(most: false)),
        ("any_words_from_category", new WordsFromCategoryScorer(all: false)),
        ("all_words_from_category", new WordsFromCategoryScorer(all: true)),
        ("first_alphabetically", new FirstAlphabeticallyScorer()),
        ("more_letters", new ComparedLengthScorer(more: true)),
        ("less_letters", new ComparedLengthScorer(more: false)),
        ("bigger_number", new ComparedNumberScorer(bigger: true)),
        ("smaller_number", new ComparedNumberScorer(bigger: false)),
        ("rhyming_word", new RhymingWordScorer()),
        ("homophones", new HomophoneScorer()),
        ("word_after", new NeighbourWordScorer(after: true)),
        ("word_before", new NeighbourWordScorer(after: false)),
        ("starts_with_word", new EdgeOfSentenceScorer(first: true)),
        ("ends_with_word", new EdgeOfSentenceScorer(first: false)),
        ("starts_with_letter", new EdgeOfWordScorer(first: true)),
        ("ends_with_letter", new EdgeOfWordScorer(first: false)),
        ("first_word", new WordOfSentenceScorer(first: true)),
        ("last_word", new WordOfSentenceScorer(first: false)),
        ("first_letter", new LetterOfWordScorer(first: true)),
        ("last_letter", new LetterOfWordScorer(first: false)),
    ];

    /// <summary>The 25 core tasks, whose accuracy is the benchmark's.</summary>
    public static IReadOnlyList<string> Core { get; } = [.. s_core.Select(task => task.Name)];

    /// <summary>The subsets of a task that differ in how hard their arguments are, for the robustness to argument content.</summary>
    public static IReadOnlyList<(string Task, IReadOnlyList<string> Subsets)> ArgumentContentGroups { get; } =
    [
        ("first_alphabetically", Subsets("first_alphabetically", "far_first_letter", "different_first_letter", "consecutive_first_letter",
            "same_first_letter")),
        ("all_words_from_category", Subsets("all_words_from_category", "0_distractors", "1_distractors", "2_distractors")),
        ("any_words_from_category", Subsets("any_words_from_category", "5_distractors", "4_distractors", "3_distractors")),
        ("rhyming_word", Subsets("rhyming_word", "orthographically_similar", "orthographically_different")),
        ("more_letters", Subsets("more_letters", "length_diff_3plus", "length_diff_1")),
        ("less_letters", Subsets("less_letters", "length_diff_3plus", "length_diff_1")),
    ];

    /// <summary>All 41 tasks: the core tasks, then the subsets.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        .. s_core.Select(task => task.Name),
        .. new[] { "first_alphabetically", "any_words_from_category", "all_words_from_category", "rhyming_word", "more_letters",
            "less_letters" }
            .SelectMany(task => ArgumentContentGroups.First(group => group.Task == task).Subsets),
    ];

    /// <summary>The tasks that put two answers in both orders, for the robustness to argument order.</summary>
    public static IReadOnlyList<string> AnswerOrder { get; } =
        ["more_letters", "less_letters", "first_alphabetically", "rhyming_word", "homophones", "bigger_number", "smaller_number"];

    /// <summary>Pairs of tasks that ask nearly the same, by what tells them apart.</summary>
    public static IReadOnlyList<(string Kind, IReadOnlyList<(string First, string Second)> Pairs)> AdjacentPairs { get; } =
    [
        ("adjacent_by_definition",
            [("bigger_number", "smaller_number"), ("more_letters", "less_letters"), ("word_after", "word_before"),
             ("most_associated_word", "least_associated_word"), ("any_words_from_category", "all_words_from_category")]),
        ("adjacent_by_explicit_negation",
            [("sentence_containing", "sentence_not_containing"), ("word_containing", "word_not_containing")]),
        ("adjacent_by_character_awareness",
            [("starts_with_word", "starts_with_letter"), ("ends_with_word", "ends_with_letter"), ("sentence_containing", "word_containing"),
             ("sentence_not_containing", "word_not_containing"), ("first_word", "first_letter"), ("last_word", "last_letter")]),
        ("adjacent_by_first_vs_last",
            [("starts_with_word", "ends_with_word"), ("starts_with_letter", "ends_with_letter"), ("first_word", "last_word"),
                ("first_letter", "last_letter")]),
    ];

    private static readonly FrozenDictionary<string, ILMentryScorer> s_scorers = Scorers();

    /// <summary>Makes a scorer for one example; it keeps the example's patterns, so score all its predictions with it.</summary>
    /// <exception cref="DataFormatException">The task is unknown or the metadata lacks what its scorer reads.</exception>
    public static LMentryScorer ScorerOf(LMentryExample example)
    {
        ArgumentNullException.ThrowIfNull(example);
        if (!s_scorers.TryGetValue(example.Task, out ILMentryScorer? scorer))
            throw new DataFormatException($"'{example.Task}' is no task of LMentry; the tasks are {string.Join(", ", All)}.",
                DataPlace.Whole("LMentry"), id: example.Id);
        return new LMentryScorer(example, LMentryScorer.Compiling(example, () => new ExampleScorer(scorer.RulesOf(example))));
    }

    private static string[] Subsets(string task, params string[] suffixes) => [.. suffixes.Select(suffix => $"{task}_{suffix}")];

    private static FrozenDictionary<string, ILMentryScorer> Scorers()
    {
        Dictionary<string, ILMentryScorer> scorers = s_core.ToDictionary(task => task.Name, task => task.Scorer);
        foreach ((string task, IReadOnlyList<string> subsets) in ArgumentContentGroups)
        {
            foreach (string subset in subsets)
                scorers[subset] = scorers[task];
        }

        return scorers.ToFrozenDictionary();
    }
}
