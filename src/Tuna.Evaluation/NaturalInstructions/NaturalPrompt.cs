using Tuna.Evaluation.PythonSemantics;

namespace Tuna.Evaluation.NaturalInstructions;

/// <summary>The prompts of Super-NaturalInstructions, byte for byte those of Tk-Instruct's collator (DataCollatorForNI).</summary>
internal static class NaturalPrompt
{
    /// <summary>The prompt of one instance.</summary>
    /// <param name="task">Its task.</param>
    /// <param name="input">The instance's input.</param>
    /// <param name="settings">What the prompt holds.</param>
    /// <param name="tokens">Measures it; null leaves the length unlimited.</param>
    public static string Format(NaturalTask task, string input, NaturalPromptSettings settings, ISourceTokens? tokens = null)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(settings);
        string question = $"Now complete the following example -\n{Sentence("Input: ", input)}\nOutput: ";
        string definition = settings.Definition ? Sentence("Definition: ", task.Definition) + "\n\n" : "";

        // Whether an example still fits is tried with a space between the examples; the prompt itself has none.
        List<string> positive = Fitting("Positive", task.PositiveExamples.Take(settings.PositiveExamples), definition);
        List<string> negative = Fitting("Negative", task.NegativeExamples.Take(settings.NegativeExamples),
            definition + string.Join(' ', positive));
        string prompt =
            $"{(settings.TaskName ? task.Name + ". " : "")}{definition}{string.Concat(positive)}{string.Concat(negative)}{question}";
        return tokens is null || tokens.Count(prompt) <= settings.MaxSourceTokens
            ? prompt : tokens.KeepFirst(prompt, settings.MaxSourceTokens);

        // The first example that does not fit ends the list.
        List<string> Fitting(string kind, IEnumerable<NaturalExample> examples, string before)
        {
            var kept = new List<string>();
            foreach (NaturalExample example in examples)
            {
                string text = Example($" {kind} Example {kept.Count + 1} -", example, settings.Explanations);
                if (tokens is not null && tokens.Count(before + string.Join(' ', kept) + text + question) > settings.MaxSourceTokens)
                    break;
                kept.Add(text);
            }

            return kept;
        }
    }

    private static string Example(string heading, NaturalExample example, bool explained)
    {
        string explanation = explained && example.Explanation is { } text ? Sentence(" Explanation: ", text) + "\n" : "";
        return $"{heading}\n{Sentence("Input: ", example.Input)}\n{Sentence(" Output: ", example.Output)}\n{explanation}\n";
    }

    // A full stop follows unless ASCII punctuation or a symbol stands there; an empty text, after whose label a space stands, gets one too.
    private static string Sentence(string label, string text)
    {
        string line = label + PythonText.Strip(text);
        return PythonText.IsPunctuation(line[^1]) ? line : line + ".";
    }
}
