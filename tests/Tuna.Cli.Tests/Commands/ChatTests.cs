using System.Text.Json.Nodes;
using Tuna.Cli.Hosting;
using Tuna.Cli.Tests.Support;

namespace Tuna.Cli.Tests.Commands;

public class ChatTests
{
    [Fact]
    public async Task Sft_InTheModelsOwnForm_ThenChatAnswersAsItLearned()
    {
        using Workspace work = await new Workspace().WithModelAsync();
        WriteTokenizer(work["model"]);
        JsonObject conversation = new()
        {
            ["messages"] = new JsonArray(Message("user", "one"), Message("assistant", "A!"), Message("user", "two"),
                Message("assistant", "B!")),
        };
        File.WriteAllLines(work["data.jsonl"], Enumerable.Repeat(conversation.ToJsonString(), 8));
        string[] sft = ["sft", "--model", work["model"], "--template", "model", "--turns", "all", "--data", work["data.jsonl"], "--out",
            work["tuned"], "--epochs", "30", "--batch", "4", "--lr", "0.02", "--quiet"];
        TunaRun trained = (await TunaApp.RunAsync([.. sft, "--json"])).Expect(0);
        Assert.Equal(16, trained.Json.GetProperty("groups").GetInt32());
        Assert.True(File.Exists(Path.Combine(work["tuned"], "chat_template.jinja")));

        TunaRun run = await ChatAsync("one\ntwo\n/new\none\n<|im_end|>\n/exit\nnever\n", work["tuned"], "--temperature", "0", "--quiet");

        Assert.Equal(0, run.ExitCode);
        Assert.Equal(["A!", "B!", "A!"], run.Output.ReplaceLineEndings("\n").TrimEnd().Split('\n'));
        Assert.Contains("special token", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sft_AllTurnsOfATemplateThatMarksAnswers_LearnsItsMarks()
    {
        using Workspace work = await new Workspace().WithModelAsync();
        WriteTokenizer(work["model"]);
        // Marks the last answer alone, so a conversation of two answers is one group.
        File.WriteAllText(Path.Combine(work["model"], "chat_template.jinja"),
            "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' and loop.last %}{% generation %}{{ m.content }}"
            + "<|im_end|>{% endgeneration %}{% else %}{{ m.content }}<|im_end|>{% endif %}\n{% endfor %}"
            + "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}");
        JsonObject conversation = new()
        {
            ["messages"] = new JsonArray(Message("user", "one"), Message("assistant", "A!"), Message("user", "two"),
                Message("assistant", "B!")),
        };
        File.WriteAllLines(work["data.jsonl"], Enumerable.Repeat(conversation.ToJsonString(), 8));
        TunaRun trained = (await TunaApp.RunAsync("sft", "--model", work["model"], "--template", "model", "--turns", "all", "--data",
            work["data.jsonl"], "--out", work["tuned"], "--epochs", "1", "--batch", "4", "--json")).Expect(0);
        Assert.Equal(8, trained.Json.GetProperty("groups").GetInt32());
    }

    [Fact]
    public async Task Chat_ModelWithoutATemplate_TakesEachLineAsAQuestion()
    {
        using Workspace work = await new Workspace().WithModelAsync();
        TunaRun run = await ChatAsync("one\ntwo", work["model"], "--max-new-tokens", "4", "--json");
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(["assistant", "assistant", "chat"], run.Output.ReplaceLineEndings("\n").TrimEnd().Split('\n')
            .Select(l => JsonNode.Parse(l)!).Select(n => (n["role"] ?? n["command"])!.GetValue<string>()));

        TunaRun refused = await ChatAsync("one", work["model"], "--template", "model");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("tokenizer", refused.Error, StringComparison.Ordinal);
    }

    private static JsonObject Message(string role, string content) => new() { ["role"] = role, ["content"] = content };

    private static async Task<TunaRun> ChatAsync(string input, params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        using var typed = new StringReader(input);
        int code = await new App(output, error, TimeProvider.System, () => ExitCodes.Cancelled, () => typed)
            .RunAsync(["chat", .. arguments], CancellationToken.None);
        return new(code, output.ToString(), error.ToString());
    }

    private static void WriteTokenizer(string folder)
    {
        File.WriteAllText(Path.Combine(folder, "tokenizer.model"),
            string.Join('\n', Enumerable.Range(0, 256).Select(b => $"{Convert.ToBase64String([(byte)b])} {b}")));
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), """
            {"eos_token": "<|endoftext|>", "added_tokens_decoder": {"256": {"content": "<|im_start|>", "special": true},
            "257": {"content": "<|im_end|>", "special": true}, "258": {"content": "<|endoftext|>", "special": true}}}
            """);
        File.WriteAllText(
            Path.Combine(folder, "chat_template.jinja"),
            "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}{% if "
                + "add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}");
    }
}
