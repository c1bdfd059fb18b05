using System.Text.Json;
using Tuna.Data;
using Tuna.Data.Groups;
using Tuna.Data.Prompts;
using Tuna.Policies;
using Tuna.Testing;

namespace Tuna.Tokenizers.Tests;

/// <summary>What the template marks as the assistant's ({% generation %}), as tokens and as groups to learn.</summary>
public sealed class MarkedConversationTests
{
    private const string Marked = "{% for m in messages %}{% if m.role == 'assistant' %}"
        + "{% generation %}{{ m.content }}{{ eos_token }}{% endgeneration %}"
        + "{% else %}{{ m.role }}: {{ m.content }}\n{% endif %}{% endfor %}";

    [Fact]
    public void EncodeMarked_GoldenConversations_IsTransformersMask()
    {
        string file = GoldenData.FilePath("chat", "masks.json");
        if (!File.Exists(file))
            file = Path.Combine(GoldenData.TestsFolder(), "golden", "chat", "masks.json");
        JsonElement golden = JsonDocument.Parse(File.ReadAllText(file)).RootElement;
        var formats = golden.GetProperty("templates").EnumerateObject().ToDictionary(t => t.Name, t => Format(t.Value.GetString()!));
        int compared = 0, answers = 0;
        foreach (JsonElement c in golden.GetProperty("cases").EnumerateArray())
        {
            string template = c.GetProperty("template").GetString()!;
            ChatTurn[] turns = [.. c.GetProperty("messages").EnumerateArray()
                .Select(m => new ChatTurn(m.GetProperty("role").GetString()!, m.GetProperty("content").GetString()!))];
            MarkedConversation marked = formats[template].EncodeMarked(turns)!;
            string where = $"{template}: {c.GetProperty("messages")}";
            Assert.True(c.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()).SequenceEqual(marked.Ids.ToArray()), where);
            char[] mask = new string('0', marked.Ids.Length).ToCharArray();
            foreach (Range answer in marked.Answers)
                mask.AsSpan(answer).Fill('1');
            Assert.True(c.GetProperty("mask").GetString() == new string(mask), $"{where}\n{c.GetProperty("mask")}\n{new string(mask)}");
            compared++;
            answers += marked.Answers.Count;
        }

        Assert.True(compared >= 50 && answers >= 80, $"{compared} conversations with {answers} answers");
    }

    [Fact]
    public void EncodeMarked_AnswerThatEndsInACharacterOfSeveralTokens_MarksAllOfThem()
    {
        ModelChatFormat format = Format("{% for m in messages %}{% if m.role == 'assistant' %}"
            + "{% generation %}{{ m.content }}{% endgeneration %}{% else %}{{ m.content }}\n{% endif %}{% endfor %}",
            out HuggingFaceTokenizer tokenizer);
        MarkedConversation marked = format.EncodeMarked([new("user", "q"), new("assistant", "\U0001f9ff"), new("user", "r")])!;
        Range answer = Assert.Single(marked.Answers);
        Assert.True(answer.GetOffsetAndLength(marked.Ids.Length).Length > 1);
        Assert.Equal("\U0001f9ff", tokenizer.DecodeWithSpecialTokens(marked.Ids.Span[answer]));
    }

    [Fact]
    public void EncodeMarked_TemplateWithoutMarks_IsNull() =>
        Assert.Null(Format("{% for m in messages %}{{ m.content }}\n{% endfor %}").EncodeMarked([new("user", "q"), new("assistant", "a")]));

    [Fact]
    public void EncodeMarked_TurnWithSpecialToken_IsRefused() =>
        Assert.Throws<ArgumentException>(() => Format(Marked).EncodeMarked([new("user", "<|eot_id|>"), new("assistant", "a")]));

    [Fact]
    public void EncodeMarked_OfASentencePieceTokenizer_MarksWhatTheTemplateMarks()
    {
        using var folder = new TemporaryFolder();
        File.Copy(GoldenData.FilePath("tokenizers", "spm_bpe.model"), folder.File("tokenizer.model"));
        folder.Write("chat_template.jinja", "{% for m in messages %}{% if m.role == 'assistant' %}"
            + "{% generation %}{{ m.content }};{% endgeneration %}{% else %}{{ m.content }} ->{% endif %}{% endfor %}");
        HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.Load(folder.Path);
        var format = new ModelChatFormat(tokenizer, ChatTemplate.Load(folder.Path)!);
        MarkedConversation marked = format.EncodeMarked(
            [new("user", "the first"), new("assistant", " a word"), new("user", "one"), new("assistant", " two")])!;
        Assert.Equal(["a word;", "two;"],
            marked.Answers.Select(answer => tokenizer.DecodeWithSpecialTokens(marked.Ids.Span[answer]).Trim()));
    }

    [Fact]
    public void TokenizeAnswers_MarkedConversation_LearnsEachMarkFromAllThatStandsBeforeIt()
    {
        ModelChatFormat format = Format(Marked, out HuggingFaceTokenizer tokenizer);
        TokenGroup[] groups = [.. new GroupTokenizer(tokenizer, format).TokenizeAnswers([Conversation("c", "a", "b", "c", "d")])];
        Assert.Equal(["c/answer-0", "c"], groups.Select(g => g.Id));
        int eos = tokenizer.IdOf("<|eot_id|>")!.Value;
        Assert.Equal([.. tokenizer.Encode("b"), eos], groups[0].Responses[0].ToArray());
        Assert.Equal([.. tokenizer.Encode("d"), eos], groups[1].Responses[0].ToArray());
        Assert.Equal("user: a\n", tokenizer.DecodeWithSpecialTokens(groups[0].Prompt.Span));
        Assert.Equal("user: a\nb<|eot_id|>user: c\n", tokenizer.DecodeWithSpecialTokens(groups[1].Prompt.Span));
    }

    [Fact]
    public void TokenizeAnswers_TemplateWithoutMarks_LearnsEachAnswerAsAConversationOfItsOwn()
    {
        ModelChatFormat format = Format("{% for m in messages %}{{ m.role }}: {{ m.content }}<|eot_id|>{% endfor %}"
            + "{% if add_generation_prompt %}assistant: {% endif %}", out HuggingFaceTokenizer tokenizer);
        TokenGroup[] groups = [.. new GroupTokenizer(tokenizer, format).TokenizeAnswers([Conversation("c", "a", "b", "c", "d")])];
        Assert.Equal(["c/turn-1", "c"], groups.Select(g => g.Id));
    }

    [Fact]
    public void TokenizeAnswers_WithoutAChatFormat_IsTheRowItself()
    {
        Format(Marked, out HuggingFaceTokenizer tokenizer);
        TokenGroup group = Assert.Single(new GroupTokenizer(tokenizer)
            .TokenizeAnswers([new InstructionExample { Id = "1", Instruction = "q", Output = "a" }]));
        Assert.Equal("1", group.Id);
    }

    [Fact]
    public void TokenizeAnswers_OverlongAndRefused_AreReportedByName()
    {
        ModelChatFormat format = Format(Marked, out HuggingFaceTokenizer tokenizer);
        var report = new TokenizationReport();
        TokenGroup[] groups = [.. new GroupTokenizer(tokenizer, format, new() { MaxLength = 40 }).TokenizeAnswers(
            [Conversation("long", "a", "b", new string('x', 200), "d"), Conversation("forged", "<|eot_id|>", "b", "c", "d")], report)];
        Assert.Equal(["long/answer-0"], groups.Select(g => g.Id));
        Assert.Contains(report.Issues, issue => issue.Id == "long");
        Assert.Contains(report.Issues, issue => issue.Id == "forged" && issue.Kind == TokenizationIssueKind.PromptRefused);
    }

    private static InstructionExample Conversation(string id, params string[] turns)
    {
        using var folder = new TemporaryFolder();
        string file = folder.Write("rows.jsonl", JsonSerializer.Serialize(new
        {
            id,
            messages = turns.Select((content, i) => new { role = i % 2 == 0 ? "user" : "assistant", content }),
        }));
        return InstructionData.Read(file).Single();
    }

    private static ModelChatFormat Format(string template) => Format(template, out _);

    private static ModelChatFormat Format(string template, out HuggingFaceTokenizer tokenizer)
    {
        using var folder = new TemporaryFolder();
        File.Copy(GoldenData.FilePath("tokenizers", "bytelevel_bpe.tokenizer.json"), folder.File("tokenizer.json"));
        folder.Write("tokenizer_config.json", """{"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}""");
        folder.Write("chat_template.jinja", template);
        tokenizer = HuggingFaceTokenizer.Load(folder.Path);
        return new ModelChatFormat(tokenizer, ChatTemplate.Load(folder.Path)!);
    }
}
